"""Tasks to chains: the Ray Data graph that feeds rollout actors, exactly once per task.

Tasks stand in plans before any chain is made (`pipeline.generation.blocks`); actors read blocks of
them and write a file of chains for each (`pipeline.generation.actor`). A block is done when its
file has all its rows, so the same command again makes only what is missing. `check_complete` proves
it at the end. This process holds blocks and counts, neither tasks nor ids.

Ray Data's own checkpointing is not used: it filters finished ids, which it loads all, and only for
plans that end in a file sink, which holds finished chains in memory until a block of them is
written by another task.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cluster.errors import last_line
from pipeline import tables
from pipeline.errors import StageFailed
from pipeline.generation import pool
from pipeline.generation.actor import RolloutActor, RolloutSettings, forget_deaths
from pipeline.generation.blocks import Block, blocks, rows_in
from pipeline.generation.telemetry import Telemetry
from pipeline.progress import Progress
from pipeline.recipe.cluster import Cluster, engine_parts
from pipeline.records import FAILURES

KINDS_NAMED = 2  # of failures, in the live line


def roll_out(
    name: str,
    plans: Sequence[Path],
    settings: RolloutSettings,
    cluster: Cluster,
    made: Counter[str] | None = None,
) -> None:
    """Make the missing chains of `plans` in the folder `settings.out`, showing progress. Block by
    block what was made is added to `made`: the counts of `pipeline.generation.actor.summary`.

    Raises CannotStart where a node does not reach that folder, StageFailed where the engine cannot
    be started or keeps dying, or an endpoint refuses us; finished chains stay.
    """
    out = Path(settings.out)
    total = done = 0
    pending = []
    for block in blocks(plans):
        there = rows_in(block.chains(out))
        total, done = total + block.rows, done + there
        if there < block.rows:
            pending.append(block)
    if not pending:
        return
    with pool.reachable(out) as mark:
        settings = replace(settings, out=str(out.resolve()), mark=mark)
        forget_deaths(out)
        with Progress(name, total, "chains") as progress:
            progress.start_at(done)
            _run(pending, settings, cluster, progress, done, Counter() if made is None else made)


def check_complete(folder: Path, plans: Sequence[Path]) -> None:
    """Prove that each task of `plans` has exactly one row in `folder`; raises StageFailed where one
    has none."""
    for block in blocks(plans):
        wanted, found = block.task_ids(), tables.task_ids(block.chains(folder))
        if found == wanted:
            continue
        if missing := [task_id for task_id in wanted if task_id not in found]:
            raise StageFailed(
                f"{len(missing):,} of {block.rows:,} tasks of a block have no chain, the first is "
                f"{missing[0]}; the same command again makes them"
            )
        raise StageFailed(f"{block.chains(folder)} holds other chains than those of its tasks")


def drop_engine_errors(folder: Path) -> int:
    """Remove rows that ended in an engine error, so that they are made again; returns how many."""
    dropped = 0
    for path in tables.files(folder):
        rows = pq.read_table(path).to_pylist()
        kept = [row for row in rows if row["failure"] != "engine_error"]
        if len(kept) < len(rows):
            tables.write(path, kept, tables.CHAINS)
            dropped += len(rows) - len(kept)
    return dropped


def _run(
    pending: Sequence[Block],
    settings: RolloutSettings,
    cluster: Cluster,
    progress: Progress,
    done: int,
    made: Counter[str],
) -> None:
    import ray
    from ray.exceptions import RayError
    from ray.util.annotations import RayDeprecationWarning

    pool.prepare_ray_data()
    actors = pool.engine_pool(len(pending), cluster)
    arguments = None if settings.endpoint else dict(settings.engine)
    bundle = cluster.engine_bundle(arguments, pool.may_have_gpus())
    parts = engine_parts(arguments)
    # from_arrow would run a task on each block, and the cluster may have no CPU yet
    told = [pa.Table.from_pylist([asdict(block)]) for block in pending]
    total: Counter[str] = Counter()
    engines: set[str] = set()
    telemetry = Telemetry(progress.stage)
    try:
        with (
            pool.placed(bundle, parts) as place,
            pool.waiting(progress, done, bundle, parts * actors.min_size, lambda: bool(engines)),
        ):
            with warnings.catch_warnings(category=RayDeprecationWarning, action="ignore"):
                dataset = ray.data.from_blocks(told).map_batches(
                    RolloutActor,
                    fn_constructor_args=(settings,),
                    batch_size=None,
                    batch_format="pyarrow",
                    compute=actors,
                    **place,
                )
            for row in dataset.iter_rows():
                engines.add(row.pop("engine"))
                total.update(row)
                made.update(row)
                telemetry.count(row, len(engines))
                facts = _facts(total, len(engines), progress.seconds)
                progress.update(done + total["chains"], facts)
    except RayError as error:
        raise StageFailed(f"making chains failed: {last_line(str(error))}") from error


def _facts(total: Counter[str], engines: int, seconds: float) -> str:
    """What the live line says of the chains so far: right and wrong, what was wrong with most,
    tokens read and written per second, and the share of those read that the cache had, beside the
    largest that it could have had."""
    wrong = Counter({kind: total[kind] for kind in FAILURES if total[kind]})
    facts = f"{total['correct']:,} right, {sum(wrong.values()):,} not"
    if wrong:
        named = (f"{count:,} {kind}" for kind, count in wrong.most_common(KINDS_NAMED))
        facts += f" ({', '.join(named)})"
    read, written = (total[name] / max(seconds, 1e-9) for name in ("prompt", "written"))
    facts += f"  {read:,.0f} + {written:,.0f} tokens/s"
    if total["cacheable"]:
        hits, most = (total[name] / total["prompt"] for name in ("cached", "cacheable"))
        facts += f"  cache {hits:.0%} of {most:.0%}"
    return facts + (f"  {engines} engines" if engines > 1 else "")

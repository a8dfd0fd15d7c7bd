"""Tasks to chains: the Ray Data graph that feeds rollout actors, exactly once per task.

Tasks stand in files before any chain is made; actors write chains (`pipeline.actors`). A task is
done when its row is on disk, so the same command again makes only what is missing. `settle` proves
at the end that every task has one row.

Ray Data's own checkpointing is not used: it filters finished ids only for plans that end in a file
sink, which holds finished chains in memory until a block of them is written by another task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cluster.errors import last_line
from pipeline import machines, tables
from pipeline.actors import RolloutActor, RolloutSettings, forget_deaths
from pipeline.errors import StageFailed
from pipeline.progress import Progress
from pipeline.records import Task
from pipeline.sections import Cluster


def roll_out(
    name: str, tasks: Sequence[Task], settings: RolloutSettings, cluster: Cluster
) -> Counter[str]:
    """Make the missing chains of `tasks` in the folder `settings.out`, showing progress; returns
    counts of what was made now, with the tokens that it took (`pipeline.rollout.Usage`).

    Raises CannotStart where a node does not reach that folder, StageFailed where the engine cannot
    be started or keeps dying; finished chains stay.
    """
    out = Path(settings.out)
    done = finished(out)
    pending = [task for task in tasks if task.task_id not in done]
    if not pending:
        return Counter()
    total = len(tasks)
    with machines.reachable(out) as mark:
        settings = replace(settings, out=str(out.resolve()), mark=mark)
        forget_deaths(out)
        with Progress(name, total, "chains") as progress:
            progress.start_at(total - len(pending))
            return _run(pending, settings, cluster, progress, total - len(pending))


def finished(folder: Path) -> set[str]:
    """The ids of the tasks that have a row in `folder`."""
    return {row["task_id"] for row in tables.rows(folder, ["task_id"])}


def settle(folder: Path, tasks: Sequence[Task]) -> None:
    """Leave exactly one row per task in `folder`.

    A second row of a task can come from an actor that outlived its driver for a moment; it is
    dropped. Raises StageFailed where a task has no row.
    """
    seen: set[str] = set()
    for path in tables.files(folder):
        ids = pq.read_table(path, columns=["task_id"])["task_id"].to_pylist()
        fresh = [i for i, task_id in enumerate(ids) if task_id not in seen]
        if len(fresh) < len(ids):
            kept = pq.read_table(path).take(fresh)
            tables.write(path, kept.to_pylist(), tables.CHAINS)
        seen.update(ids)
    if missing := [task.task_id for task in tasks if task.task_id not in seen]:
        raise StageFailed(f"{len(missing):,} tasks have no chain, the first is {missing[0]}")


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
    pending: Sequence[Task],
    settings: RolloutSettings,
    cluster: Cluster,
    progress: Progress,
    done: int,
) -> Counter[str]:
    import ray
    from ray.exceptions import RayError

    machines.prepare_ray_data()
    size = cluster.batch_tasks
    blocks = [
        pa.Table.from_pylist([tables.task_row(t) for t in pending[i : i + size]], tables.TASKS)
        for i in range(0, len(pending), size)
    ]
    pool = machines.engine_pool(len(blocks), cluster)
    bundle = cluster.engine_bundle(dict(settings.engine), machines.may_have_gpus())
    # from_arrow would run a task on each block, and the cluster may have no CPU yet
    dataset = ray.data.from_blocks(blocks).map_batches(
        RolloutActor,
        fn_constructor_args=(settings,),
        batch_size=None,
        batch_format="pyarrow",
        compute=pool,
        num_cpus=bundle["CPU"],
        num_gpus=bundle["GPU"],
    )
    total: Counter[str] = Counter()
    engines: set[str] = set()
    try:
        with machines.waiting(progress, done, bundle, pool.min_size, lambda: bool(engines)):
            for row in dataset.iter_rows():
                engines.add(row.pop("engine"))
                total.update(row)
                facts = _facts(total, len(engines), progress.seconds)
                progress.update(done + total["chains"], facts)
    except RayError as error:
        raise StageFailed(f"making chains failed: {last_line(str(error))}") from error
    return total


def _facts(total: Counter[str], engines: int, seconds: float) -> str:
    """What the live line says of the chains so far: tokens read and written per second, and which
    share of what was read the cache had, beside the most that it could have had."""
    read, written = (total[name] / max(seconds, 1e-9) for name in ("prompt", "written"))
    facts = [f"{total['correct']:,} right", f"{read:,.0f} + {written:,.0f} tokens/s"]
    if total["cacheable"]:
        hits, most = (total[name] / total["prompt"] for name in ("cached", "cacheable"))
        facts.append(f"cache {hits:.0%} of {most:.0%}")
    if engines > 1:
        facts.append(f"{engines} engines")
    if total["engine_errors"]:
        facts.append(f"{total['engine_errors']:,} engine errors")
    return "  ".join(facts)

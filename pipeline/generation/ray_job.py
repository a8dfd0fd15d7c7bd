"""The Ray Data job that makes one chain for each task.

Plans of tasks are written before any chain is made (`pipeline.generation.blocks`). Actors read
blocks of a plan and write a file of chains for each (`pipeline.generation.actor`). A block is done
when its file has all its rows, so the same command again makes only the missing chains.
`check_complete` verifies this at the end. This process holds blocks and counts, no tasks or ids.

Ray Data's own checkpointing is not used: it loads all finished ids to filter them, and works only
for jobs that end in a file sink, which holds finished chains in memory until another task writes a
block of them.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cluster.errors import last_line
from pipeline import tables
from pipeline.errors import StageFailed, TooManyErrors
from pipeline.generation import pool
from pipeline.generation.actor import RolloutActor, RolloutSettings, forget_deaths
from pipeline.generation.blocks import Block, blocks, rows_in
from pipeline.generation.telemetry import Telemetry
from pipeline.progress import Progress, duration
from pipeline.recipe.cluster import Cluster, engine_parts
from pipeline.records import FAILURES
from pipeline.run_dir import RunDir

ERROR = "engine_error"
KINDS_SHOWN = 2  # kinds of failures in the live line


def roll_out(
    name: str,
    run: RunDir,
    plans: Sequence[Path],
    settings: RolloutSettings,
    cluster: Cluster,
    made: Counter[str] | None = None,
) -> None:
    """Make the missing chains of `plans` in the folder `settings.out` and show progress. After
    each block, its counts (`pipeline.generation.actor.summary`) are added to `made`. `run` records
    how long the engines took to start.

    Raises CannotStart if a node cannot reach that folder, StageFailed if the engine cannot start,
    keeps dying, or an endpoint refuses the requests; finished chains stay on disk.
    """
    out = Path(settings.out)
    total = done = 0
    pending = []
    for block in blocks(plans):
        finished = rows_in(block.chains(out))
        total, done = total + block.rows, done + finished
        if finished < block.rows:
            pending.append(block)
    if not pending:
        return
    with pool.reachable(out) as mark:
        settings = replace(settings, out=str(out.resolve()), mark=mark)
        forget_deaths(out)
        with Progress(name, total, "chains") as progress:
            progress.start_at(done)
            made = Counter() if made is None else made
            starting = _starting(run, settings)
            seconds = _run(pending, settings, cluster, progress, (done, total), made, starting)
    if settings.endpoint is None:
        run.add_engine_start(seconds)


def check_complete(folder: Path, plans: Sequence[Path], max_error_share: float = 1.0) -> None:
    """Verify that each task of `plans` has exactly one row in `folder`, and that no model has a
    larger share of engine errors; otherwise raise StageFailed."""
    chains, errors, failed = Counter[str](), Counter[str](), dict[str, Path]()
    for block in blocks(plans):
        path = block.chains(folder)
        expected, rows = block.task_ids(), _outcomes(path)
        actual = [row["task_id"] for row in rows]
        if actual != expected:
            raise StageFailed(_incomplete(block, path, expected, actual))
        for row in rows:
            chains[row["model"]] += 1
            if row["failure"] == ERROR:
                errors[row["model"]] += 1
                failed[row["model"]] = path
    for model, count in errors.items():
        if count > max_error_share * chains[model]:
            raise _too_many_errors(model, count, chains[model], [failed[model]])


def _outcomes(path: Path) -> list[dict[str, Any]]:
    columns = ["task_id", "model", "failure"]
    return pq.read_table(path, columns=columns).to_pylist() if path.exists() else []


def _incomplete(block: Block, path: Path, expected: list[str], actual: list[str]) -> str:
    if missing := [task_id for task_id in expected if task_id not in actual]:
        return (
            f"{len(missing):,} of {block.rows:,} tasks of a block have no chain, the first is "
            f"{missing[0]}; the same command again makes them"
        )
    return f"{path} holds chains that do not match its tasks"


def _too_many_errors(whose: str, count: int, total: int, files: Iterable[Path]) -> TooManyErrors:
    """The error of `count` engine errors; its words are those of the first one in `files`."""
    columns = ["failure", "error"]
    tables_read = (pq.read_table(p, columns=columns).to_pylist() for p in files if p.exists())
    words = (row["error"] for rows in tables_read for row in rows if row["failure"] == ERROR)
    return TooManyErrors(
        f"{count:,} of {total:,} chains of {whose} ended in an engine error, more than "
        f"cluster.max_error_share allows; one of them: {next(words, 'no reason')}"
    )


def drop_engine_errors(folder: Path) -> int:
    """Remove rows that ended in an engine error, so that they are made again; returns the count."""
    dropped = 0
    for path in tables.files(folder):
        if errors := _errors_in(path):
            rows = pq.read_table(path).to_pylist()
            kept = [row for row in rows if row["failure"] != ERROR]
            tables.write(path, kept, tables.CHAINS)
            dropped += errors
    return dropped


def has_engine_errors(folder: Path) -> bool:
    """Whether a row of `folder` ended in an engine error."""
    return any(map(_errors_in, tables.files(folder)))


def _errors_in(path: Path) -> int:
    return pq.read_table(path, columns=["failure"])["failure"].to_pylist().count(ERROR)


def _run(
    pending: Sequence[Block],
    settings: RolloutSettings,
    cluster: Cluster,
    progress: Progress,
    done_of: tuple[int, int],
    made: Counter[str],
    starting: str,
) -> float:
    """Make the chains of `pending`; returns the seconds that its slowest engine took to start.
    `done_of`: chains that exist, and all chains. Until the first block is done the live line says
    `starting`, or which machines are missing. Raises StageFailed."""
    import ray
    from ray.data.exceptions import ExecutionTimeoutError
    from ray.exceptions import RayError
    from ray.util.annotations import RayDeprecationWarning

    pool.prepare_ray_data(settings.no_progress_seconds)
    actors = pool.engine_pool(len(pending), cluster)
    arguments = None if settings.endpoint else dict(settings.engine)
    bundle = cluster.engine_bundle(arguments, pool.may_have_gpus())
    parts = engine_parts(arguments)
    # from_arrow would run a task for each block, and the cluster may have no CPU yet
    tasks = [pa.Table.from_pylist([asdict(block)]) for block in pending]
    total: Counter[str] = Counter()
    engines: set[str] = set()
    slowest = 0.0
    telemetry = Telemetry(progress.stage)
    done, most_errors = done_of[0], cluster.max_error_share * done_of[1]
    try:
        with (
            pool.engine_placement(bundle, parts) as placement,
            pool.waiting(
                progress,
                done,
                bundle,
                parts * actors.min_size,
                lambda: bool(engines),
                starting,
            ),
        ):
            with warnings.catch_warnings(category=RayDeprecationWarning, action="ignore"):
                dataset = ray.data.from_blocks(tasks).map_batches(
                    RolloutActor,
                    fn_constructor_args=(settings,),
                    batch_size=None,
                    batch_format="pyarrow",
                    compute=actors,
                    **placement,
                )
            for row in dataset.iter_rows():
                engines.add(row.pop("engine"))
                slowest = max(slowest, row.pop("start_seconds"))
                total.update(row)
                made.update(row)
                telemetry.count(row, len(engines))
                facts = _facts(total, len(engines), progress.seconds)
                progress.update(done + total["chains"], facts)
                if total[ERROR] > most_errors:
                    break
    except ExecutionTimeoutError:
        raise StageFailed(
            f"no block of chains ended in {settings.no_progress_seconds:g} s, waiting for machines "
            "included (cluster.no_progress_seconds)"
        ) from None
    except RayError as error:
        raise StageFailed(f"making chains failed: {last_line(str(error))}") from error
    if total[ERROR] > most_errors:
        files = (block.chains(Path(settings.out)) for block in pending)
        raise _too_many_errors(progress.stage, total[ERROR], done_of[1], files)
    return slowest


def _starting(run: RunDir, settings: RolloutSettings) -> str:
    if settings.endpoint is not None:
        return "starting"
    last = run.engine_starts.get("last")
    return "starting engines" + (f" ({duration(last)} last time)" if last else "")


def _facts(total: Counter[str], engines: int, seconds: float) -> str:
    """The live line's counts: correct and other chains, the most common failures, tokens read and
    written per second, and the prefix cache's hit rate with its upper bound."""
    failures = Counter({kind: total[kind] for kind in FAILURES if total[kind]})
    facts = f"{total['correct']:,} correct, {sum(failures.values()):,} not"
    if failures:
        shown = (f"{count:,} {kind}" for kind, count in failures.most_common(KINDS_SHOWN))
        facts += f" ({', '.join(shown)})"
    read, written = (total[name] / max(seconds, 1e-9) for name in ("prompt", "written"))
    facts += f"  {read:,.0f} + {written:,.0f} tokens/s"
    if total["cacheable"]:
        hits, bound = (total[name] / total["prompt"] for name in ("cached", "cacheable"))
        facts += f"  cache {hits:.0%} of {bound:.0%}"
    return facts + (f"  {engines} engines" if engines > 1 else "")

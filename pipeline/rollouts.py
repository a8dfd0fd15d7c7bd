"""Tasks to chains: the Ray Data graph that feeds rollout actors, exactly once per task.

Tasks stand in files before any chain is made; actors write chains (`pipeline.actors`). A task is
done when its row is on disk, so the same command again makes only what is missing. `settle` proves
at the end that every task has one row.

Ray Data's own checkpointing is not used: it filters finished ids only for plans that end in a file
sink, which holds finished chains in memory until a block of them is written by another task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import tables
from pipeline.actors import RolloutActor, RolloutSettings, forget_deaths
from pipeline.errors import StageFailed
from pipeline.progress import Progress
from pipeline.recipe import Cluster
from pipeline.records import Task


def roll_out(name: str, tasks: Sequence[Task], settings: RolloutSettings, cluster: Cluster) -> None:
    """Make the missing chains of `tasks` in the folder `settings.out`, showing progress.

    Raises StageFailed where the engine cannot be started or keeps dying; finished chains stay.
    """
    out = Path(settings.out)
    done = finished(out)
    pending = [task for task in tasks if task.task_id not in done]
    if not pending:
        return
    total = len(tasks)
    settings = replace(settings, out=str(out.resolve()))
    forget_deaths(out)
    with Progress(name, total, "chains") as progress:
        progress.start_at(total - len(pending))
        _run(pending, settings, cluster, progress, total - len(pending))


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
) -> None:
    import ray
    from ray.exceptions import RayError

    _quiet_ray_data()
    size = cluster.batch_tasks
    blocks = [
        pa.Table.from_pylist([tables.task_row(t) for t in pending[i : i + size]], tables.TASKS)
        for i in range(0, len(pending), size)
    ]
    threads = max(2, -(-cluster.chains_in_flight // size))
    dataset = ray.data.from_arrow(blocks).map_batches(
        RolloutActor,
        fn_constructor_args=(settings,),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(
            min_size=cluster.actors_min,
            max_size=cluster.actors_max,
            max_tasks_in_flight_per_actor=2 * threads,
            max_concurrent_calls_per_actor=threads,
            enable_true_multi_threading=True,
        ),
        **actor_resources(cluster),
    )
    correct = tokens = errors = 0
    try:
        for row in dataset.iter_rows():
            done += row["chains"]
            correct, tokens = correct + row["correct"], tokens + row["tokens"]
            errors += row["engine_errors"]
            rate = tokens / max(progress.seconds, 1e-9)
            facts = f"{correct:,} right  {rate:,.0f} tokens/s"
            progress.update(done, facts + (f"  {errors} engine errors" if errors else ""))
    except RayError as error:
        raise StageFailed(f"making chains failed: {last_line(error)}") from error


def actor_resources(cluster: Cluster) -> dict[str, Any]:
    """What an engine actor reserves: a GPU where the cluster has any, else CPUs."""
    import ray

    gpus = cluster.engine_gpus
    if gpus is None:
        gpus = 1.0 if ray.cluster_resources().get("GPU", 0) else 0.0
    return {"num_cpus": cluster.engine_cpus, "num_gpus": gpus}


def last_line(error: BaseException) -> str:
    """The last line of an error's text: the cause, where Ray wraps a traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _quiet_ray_data() -> None:
    import logging

    import ray

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)

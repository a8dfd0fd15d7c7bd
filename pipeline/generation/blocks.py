"""Plans: files of tasks, written before any chain is made. Each block of a plan becomes one file.

A block is a row group of a plan, and its chains are one file, named after plan and group. The
remaining work follows from which files exist and how many rows they have: no id of a finished chain
is held in memory, and no chain counts twice, however often its block was made.

Not here: which tasks a plan holds (`pipeline.generation.tasks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from pipeline import tables
from pipeline.records import Task

BLOCKS_PER_FILE = 64  # the footer describes all row groups of a file and is read for each block


@dataclass(frozen=True, slots=True)
class Block:
    """Row group `group` of the plan file `plan`, with `rows` tasks; its chains are one file."""

    plan: str
    group: int
    rows: int

    def chains(self, folder: Path) -> Path:
        """The file of its chains."""
        return folder / f"{Path(self.plan).stem}-{self.group:04d}.parquet"

    def tasks(self) -> list[Task]:
        """Its tasks, in order."""
        rows = pq.ParquetFile(self.plan).read_row_group(self.group).to_pylist()
        return [tables.task_of(row) for row in rows]

    def task_ids(self) -> list[str]:
        """The ids of its tasks, in order."""
        group = pq.ParquetFile(self.plan).read_row_group(self.group, columns=["task_id"])
        return group["task_id"].to_pylist()


def write_plan(folder: Path, name: str, tasks: Iterable[Task], size: int) -> list[Path]:
    """Write the plan `name` of `tasks`, in blocks of `size`, unless it exists; returns its files.

    The files stay hidden until the last is written, so a plan is complete or is written again.
    """
    if not plan_files(folder, name):
        _write(folder, name, tasks, size)
        _unhide(folder, name)
    return plan_files(folder, name)


def extend_plan(folder: Path, name: str, tasks: Iterable[Task], size: int) -> list[Path]:
    """Add those of `tasks` to the plan `name` that it does not have, as further files; returns all
    of its files. The plan is written if it does not exist."""
    files = plan_files(folder, name)
    known = {task_id for path in files for task_id in tables.task_ids(path)}
    fresh = [task for task in tasks if task.task_id not in known]
    if fresh:
        _write(folder, name, fresh, size, first=len(files))
        _unhide(folder, name)
    return plan_files(folder, name)


def plan_files(folder: Path, name: str) -> list[Path]:
    """The files of all plans whose names match the glob `name`; empty if there are none.

    A plan all of whose files are hidden was not written to its end, so it is not among them.
    """
    for plan in {path.stem.rpartition("-")[0] for path in _visible(folder, name)}:
        _unhide(folder, plan)  # an interrupted `write_plan` may have left some hidden
    return _visible(folder, name)


def blocks(files: Iterable[Path]) -> Iterator[Block]:
    """The blocks of plans, in order."""
    for path in files:
        metadata = pq.read_metadata(path)
        for group in range(metadata.num_row_groups):
            yield Block(str(path.resolve()), group, metadata.row_group(group).num_rows)


def rows_in(path: Path) -> int:
    """Number of rows of a file of chains; 0 if it does not exist."""
    return pq.read_metadata(path).num_rows if path.exists() else 0


def _visible(folder: Path, name: str) -> list[Path]:
    found = folder.glob(f"{name}-*.parquet")
    return sorted(path for path in found if not path.name.startswith("."))


def _unhide(folder: Path, name: str) -> None:
    for hidden in folder.glob(f".{name}-*.parquet"):
        hidden.rename(folder / hidden.name.removeprefix("."))


def _write(folder: Path, name: str, tasks: Iterable[Task], size: int, first: int = 0) -> None:
    for unfinished in folder.glob(f".{name}-*.parquet"):
        unfinished.unlink()
    remaining = iter(tasks)
    for part in range(first, 1_000_000):
        chunk: Sequence[Task] = list(islice(remaining, size * BLOCKS_PER_FILE))
        if not chunk:
            return
        rows = [tables.task_row(task) for task in chunk]
        path = folder / f".{name}-{part:05d}.parquet"
        tables.write(path, rows, tables.TASKS, group=size)

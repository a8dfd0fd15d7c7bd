"""Plans: files of tasks, written before any chain is made, in blocks that each become one file.

A block is a row group of a plan, and its chains are one file that is named after it. So what is
left to do is told by which files are there and how many rows they have: no id of a finished chain
is held in memory, and no chain counts twice, however often its block was made.

Not here: which tasks there are (`pipeline.generation.tasks`), making chains
(`pipeline.generation.ray_job`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from pipeline import tables
from pipeline.records import Task

BLOCKS_PER_FILE = 64  # the footer of a file tells of all its row groups, and is read for each


@dataclass(frozen=True, slots=True)
class Block:
    """Tasks whose chains are one file: row group `group` of the plan `plan`, of `rows` tasks."""

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
    """Write the plan `name` of `tasks`, in blocks of `size`, unless it is there; returns its files.

    Its files are hidden until the last of them is written, so a plan is whole or is written again.
    """
    if not plan_files(folder, name):
        _write(folder, name, tasks, size)
        _show(folder, name)
    return plan_files(folder, name)


def plan_files(folder: Path, name: str) -> list[Path]:
    """The files of a plan, or of all whose names match the glob `name`, as far as there are any."""
    if any(folder.glob(f"{name}-*.parquet")):
        _show(folder, name)  # what an interruption may have left hidden
    return sorted(folder.glob(f"{name}-*.parquet"))


def blocks(files: Iterable[Path]) -> Iterator[Block]:
    """The blocks of plans, in order."""
    for path in files:
        told = pq.read_metadata(path)
        for group in range(told.num_row_groups):
            yield Block(str(path.resolve()), group, told.row_group(group).num_rows)


def rows_in(path: Path) -> int:
    """Rows of a file of chains, none where there is none."""
    return pq.read_metadata(path).num_rows if path.exists() else 0


def _show(folder: Path, name: str) -> None:
    for hidden in folder.glob(f".{name}-*.parquet"):
        hidden.rename(folder / hidden.name.removeprefix("."))


def _write(folder: Path, name: str, tasks: Iterable[Task], size: int) -> None:
    for unfinished in folder.glob(f".{name}-*.parquet"):
        unfinished.unlink()
    rest = iter(tasks)
    for part in range(1_000_000):
        chunk: Sequence[Task] = list(islice(rest, size * BLOCKS_PER_FILE))
        if not chunk:
            return
        rows = [tables.task_row(task) for task in chunk]
        path = folder / f".{name}-{part:05d}.parquet"
        tables.write(path, rows, tables.TASKS, group=size)

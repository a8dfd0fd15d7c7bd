from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import tables
from pipeline.errors import StageFailed
from pipeline.generation import blocks
from pipeline.generation.ray_job import check_complete, drop_engine_errors
from pipeline.records import Chain, Problem, Task, Verdict

MANY = 3 * blocks.BLOCKS_PER_FILE * 2 + 5  # two files and a part of a third, in blocks of three


def _tasks(count: int) -> list[Task]:
    return [
        Task(f"p{i}/m/0", Problem(f"p{i}", "arithmetic", "?", "1", "train"), "m", 0, i)
        for i in range(count)
    ]


def _write_chains(block: blocks.Block, folder: Path, failure: str | None = None) -> None:
    rows = []
    for task in block.tasks():
        stop = "engine_error" if failure else "answer"
        chain = Chain(task.task_id, task.problem.problem_id, "m", 0, task.seed, (), (), stop)
        verdict = Verdict(task.task_id, None if failure else True, "1", "1", failure)
        rows.append(tables.chain_row(chain, task.problem, verdict))
    tables.write(block.chains(folder), rows, tables.CHAINS)


def test_a_plan_holds_all_tasks_in_blocks_and_each_has_a_file_of_its_own(tmp_path: Path) -> None:
    files = blocks.write_plan(tmp_path, "teacher-000", _tasks(MANY), size=3)
    assert len(files) == 3
    found = list(blocks.blocks(files))
    assert [block.rows for block in found] == [3] * (len(found) - 1) + [MANY % 3]
    assert [task for block in found for task in block.tasks()] == _tasks(MANY)
    assert [i for block in found for i in block.task_ids()] == [t.task_id for t in _tasks(MANY)]
    assert len({block.chains(tmp_path) for block in found}) == len(found)


def test_a_plan_that_is_there_stays_in_its_blocks(tmp_path: Path) -> None:
    files = blocks.write_plan(tmp_path, "teacher-000", _tasks(10), size=3)
    assert blocks.write_plan(tmp_path, "teacher-000", _tasks(10), size=5) == files
    assert [block.rows for block in blocks.blocks(files)] == [3, 3, 3, 1]


def test_a_plan_whose_writing_was_interrupted_is_written_again(tmp_path: Path) -> None:
    def breaks() -> Iterator[Task]:
        yield from _tasks(3 * blocks.BLOCKS_PER_FILE + 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        blocks.write_plan(tmp_path, "teacher-000", breaks(), size=3)
    assert blocks.plan_files(tmp_path, "teacher-000") == []
    files = blocks.write_plan(tmp_path, "teacher-000", _tasks(4), size=3)
    assert [block.rows for block in blocks.blocks(files)] == [3, 1]
    assert [path for path in tmp_path.iterdir() if path not in files] == []


def test_a_plan_that_was_half_shown_is_shown(tmp_path: Path) -> None:
    files = blocks.write_plan(tmp_path, "teacher-000", _tasks(MANY), size=3)
    for path in files[1:]:
        path.rename(path.with_name(f".{path.name}"))
    assert blocks.write_plan(tmp_path, "teacher-000", [], size=3) == files


def test_plans_are_found_by_a_glob(tmp_path: Path) -> None:
    first = blocks.write_plan(tmp_path, "teacher-000", _tasks(2), size=3)
    second = blocks.write_plan(tmp_path, "teacher-001", _tasks(2), size=3)
    blocks.write_plan(tmp_path, "teacher-after-000", _tasks(2), size=3)
    assert blocks.plan_files(tmp_path, "teacher-[0-9][0-9][0-9]") == [*first, *second]
    assert blocks.write_plan(tmp_path, "none", [], size=3) == []


def test_settling_names_a_task_without_a_chain(tmp_path: Path) -> None:
    files = blocks.write_plan(tmp_path / "tasks", "teacher-000", _tasks(8), size=3)
    out = tmp_path / "chains"
    for block in blocks.blocks(files):
        _write_chains(block, out)
    check_complete(out, files)
    middle = list(blocks.blocks(files))[1]
    middle.chains(out).unlink()
    with pytest.raises(StageFailed, match=r"3 of 3 tasks of a block .* first is p3/m/0"):
        check_complete(out, files)
    _write_chains(middle, out, failure="engine_error")
    check_complete(out, files)
    assert drop_engine_errors(out) == 3
    assert blocks.rows_in(middle.chains(out)) == 0
    with pytest.raises(StageFailed, match="the first is p3/m/0"):
        check_complete(out, files)


def test_settling_names_a_file_with_a_chain_twice(tmp_path: Path) -> None:
    files = blocks.write_plan(tmp_path / "tasks", "teacher-000", _tasks(2), size=3)
    (block,) = blocks.blocks(files)
    _write_chains(block, tmp_path)
    rows = list(tables.rows(tmp_path))
    tables.write(block.chains(tmp_path), [*rows, rows[0]], tables.CHAINS)
    with pytest.raises(StageFailed, match="holds other chains"):
        check_complete(tmp_path, files)

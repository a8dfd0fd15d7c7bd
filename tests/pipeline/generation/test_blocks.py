from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.generation import blocks
from pipeline.records import Problem, Task

MANY = 3 * blocks.BLOCKS_PER_FILE * 2 + 5  # two full files and part of a third, in blocks of 3


def _tasks(count: int) -> list[Task]:
    return [
        Task(f"p{i}/m/0", Problem(f"p{i}", "arithmetic", "?", "1", "train"), "m", 0, i)
        for i in range(count)
    ]


def test_a_plan_holds_all_tasks_in_blocks_with_one_file_each(tmp_path: Path) -> None:
    files = blocks.write_plan(tmp_path, "teacher-000", _tasks(MANY), size=3)
    assert len(files) == 3
    written = list(blocks.blocks(files))
    assert [block.rows for block in written] == [3] * (len(written) - 1) + [MANY % 3]
    assert [task for block in written for task in block.tasks()] == _tasks(MANY)
    assert [i for block in written for i in block.task_ids()] == [t.task_id for t in _tasks(MANY)]
    assert len({block.chains(tmp_path) for block in written}) == len(written)


def test_an_existing_plan_keeps_its_blocks(tmp_path: Path) -> None:
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


def test_the_remaining_hidden_files_of_a_plan_are_unhidden(tmp_path: Path) -> None:
    files = blocks.write_plan(tmp_path, "teacher-000", _tasks(MANY), size=3)
    for path in files[1:]:
        path.rename(path.with_name(f".{path.name}"))
    assert blocks.write_plan(tmp_path, "teacher-000", [], size=3) == files


def test_tasks_that_a_plan_lacks_are_added_in_further_files(tmp_path: Path) -> None:
    tasks = _tasks(12)
    files = blocks.extend_plan(tmp_path, "solved", tasks[2:6], size=3)
    assert [block.rows for block in blocks.blocks(files)] == [3, 1]
    content = files[0].read_bytes()
    assert blocks.extend_plan(tmp_path, "solved", tasks[2:5], size=3) == files
    more = blocks.extend_plan(tmp_path, "solved", tasks, size=3)
    assert (more[:1], len(more)) == (files, 2)
    assert [b.task_ids() for b in blocks.blocks(more[1:])] == [
        ["p0/m/0", "p1/m/0", "p6/m/0"],
        ["p7/m/0", "p8/m/0", "p9/m/0"],
        ["p10/m/0", "p11/m/0"],
    ]
    assert files[0].read_bytes() == content
    assert len({block.chains(tmp_path) for block in blocks.blocks(more)}) == 5
    assert blocks.extend_plan(tmp_path, "none", [], size=3) == []


@pytest.mark.parametrize("glob", ["teacher-[0-9][0-9][0-9]", "teacher-*", "teacher-001", "*"])
def test_a_half_written_wave_is_not_taken_for_a_whole_one(glob: str, tmp_path: Path) -> None:
    """Reading all waves while the second lacks files neither shows nor keeps its first ones."""
    first = blocks.write_plan(tmp_path, "teacher-000", _tasks(2), size=3)
    whole = blocks.write_plan(tmp_path, "teacher-001", _tasks(MANY), size=3)
    for path in whole[:-1]:
        path.rename(path.with_name(f".{path.name}"))
    whole[-1].unlink()  # the command was killed before it wrote this one
    assert blocks.plan_files(tmp_path, glob) == (first if glob != "teacher-001" else [])
    written = blocks.write_plan(tmp_path, "teacher-001", _tasks(MANY), size=3)
    assert [t for block in blocks.blocks(written) for t in block.tasks()] == _tasks(MANY)


def test_one_visible_file_shows_that_its_plan_is_whole_and_no_other(tmp_path: Path) -> None:
    whole = blocks.write_plan(tmp_path, "teacher-000", _tasks(MANY), size=3)
    half = blocks.write_plan(tmp_path, "teacher-001", _tasks(MANY), size=3)
    for path in (*whole[:2], *half):
        path.rename(path.with_name(f".{path.name}"))
    assert blocks.plan_files(tmp_path, "teacher-*") == whole


def test_plan_files_matches_a_glob(tmp_path: Path) -> None:
    first = blocks.write_plan(tmp_path, "teacher-000", _tasks(2), size=3)
    second = blocks.write_plan(tmp_path, "teacher-001", _tasks(2), size=3)
    blocks.write_plan(tmp_path, "teacher-after-000", _tasks(2), size=3)
    assert blocks.plan_files(tmp_path, "teacher-[0-9][0-9][0-9]") == [*first, *second]
    assert blocks.write_plan(tmp_path, "none", [], size=3) == []

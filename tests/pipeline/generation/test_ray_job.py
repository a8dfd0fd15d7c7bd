"""What the job checks and repairs on disk before and after it makes chains; no Ray is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import tables
from pipeline.errors import StageFailed, TooManyErrors
from pipeline.generation import blocks
from pipeline.generation.ray_job import check_complete, drop_engine_errors, roll_out
from pipeline.generation.tasks import task
from pipeline.recipe.cluster import Cluster
from pipeline.records import Failure, Task
from pipeline.run_dir import RunDir
from tests.pipeline.generation.chain_files import (
    problem,
    row,
    without_engine,
    write_block,
    write_blocks,
)

TASKS = [task(problem(f"p{index}"), "m", 0, seed=7) for index in range(8)]


@pytest.fixture
def plans(tmp_path: Path) -> list[Path]:
    """A plan of eight tasks in blocks of 3, 3 and 2."""
    return blocks.write_plan(tmp_path / "tasks", "teacher-000", TASKS, size=3)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "chains"


def test_a_job_whose_chains_all_exist_starts_no_engine(
    plans: list[Path], out: Path, tmp_path: Path
) -> None:
    write_blocks(plans, out)
    run = RunDir(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tables.files(out)}
    roll_out("generate", run, plans, without_engine(out), Cluster())
    assert {path: path.stat().st_mtime_ns for path in tables.files(out)} == before
    assert run.engine_starts == {}


def test_chains_of_every_task_are_complete(plans: list[Path], out: Path) -> None:
    write_blocks(plans, out)
    check_complete(out, plans)
    check_complete(out, [])


def test_a_block_without_a_file_names_its_first_task(plans: list[Path], out: Path) -> None:
    write_blocks(plans, out)
    list(blocks.blocks(plans))[1].chains(out).unlink()
    with pytest.raises(StageFailed) as raised:
        check_complete(out, plans)
    assert str(raised.value) == (
        "3 of 3 tasks of a block have no chain, the first is p3/m/0; the same command again makes "
        "them"
    )


def test_a_block_with_some_of_its_chains_names_the_first_missing_task(
    plans: list[Path], out: Path
) -> None:
    write_blocks(plans, out)
    last = list(blocks.blocks(plans))[2]
    tables.write(last.chains(out), [row(TASKS[6])], tables.CHAINS)
    with pytest.raises(StageFailed, match=r"^1 of 2 tasks of a block .* the first is p7/m/0;"):
        check_complete(out, plans)


@pytest.mark.parametrize(
    "tasks", [[*TASKS[:3], TASKS[0]], [TASKS[1], TASKS[0], TASKS[2]]], ids=["twice", "unordered"]
)
def test_chains_that_are_not_those_of_the_tasks_name_the_file(
    plans: list[Path], out: Path, tasks: list[Task]
) -> None:
    write_blocks(plans, out)
    first = next(blocks.blocks(plans))
    tables.write(first.chains(out), [row(task) for task in tasks], tables.CHAINS)
    with pytest.raises(StageFailed) as raised:
        check_complete(out, plans)
    assert str(raised.value) == f"{first.chains(out)} holds chains that do not match its tasks"


def failing(*failed: str) -> Callable[[Task], Failure | None]:
    """Engine errors in the chains of these problems."""
    return lambda task: "engine_error" if task.problem.problem_id in failed else None


@pytest.mark.parametrize(
    ("failed", "share"), [((), 0.0), (("p1",), 0.125), (("p1", "p7"), 0.25), (("p1", "p7"), 1.0)]
)
def test_a_share_of_engine_errors_up_to_the_setting_is_complete(
    plans: list[Path], out: Path, failed: tuple[str, ...], share: float
) -> None:
    write_blocks(plans, out, failing(*failed))
    check_complete(out, plans, share)


@pytest.mark.parametrize(
    ("failed", "share"), [(("p1",), 0.0), (("p1",), 0.12), (("p0", "p5", "p7"), 0.25)]
)
def test_more_engine_errors_than_the_setting_fail_the_stage_with_the_engines_words(
    plans: list[Path], out: Path, failed: tuple[str, ...], share: float
) -> None:
    write_blocks(plans, out, failing(*failed))
    with pytest.raises(TooManyErrors) as raised:
        check_complete(out, plans, share)
    assert str(raised.value) == (
        f"{len(failed)} of 8 chains of m ended in an engine error, more than "
        "cluster.max_error_share allows; one of them: the engine is away"
    )
    assert "--redo-errors" in raised.value.advice


def test_the_share_of_engine_errors_is_that_of_each_model(plans: list[Path], out: Path) -> None:
    others = [task(problem(f"p{index}"), "other", 0, seed=7) for index in range(8)]
    plans += blocks.write_plan(plans[0].parent, "student-000", others, size=3)
    write_blocks(plans, out, lambda task: "engine_error" if task.model == "other" else None)
    with pytest.raises(TooManyErrors, match=r"^8 of 8 chains of other ended"):
        check_complete(out, plans, 0.5)


def test_only_chains_that_ended_in_an_engine_error_are_dropped_to_be_made_again(
    plans: list[Path], out: Path
) -> None:
    first, second, third = blocks.blocks(plans)
    write_block(first, out, lambda task: "engine_error")
    write_block(third, out, lambda task: "wrong_answer")
    rows = [row(TASKS[3], "engine_error"), row(TASKS[4], "max_steps"), row(TASKS[5])]
    tables.write(second.chains(out), rows, tables.CHAINS)
    untouched = third.chains(out).stat().st_mtime_ns
    assert drop_engine_errors(out) == 4
    assert [tables.task_ids(block.chains(out)) for block in (first, second, third)] == [
        [],
        ["p4/m/0", "p5/m/0"],
        ["p6/m/0", "p7/m/0"],
    ]
    assert third.chains(out).stat().st_mtime_ns == untouched
    assert drop_engine_errors(out) == 0
    with pytest.raises(StageFailed, match=r"^3 of 3 tasks .* the first is p0/m/0;"):
        check_complete(out, plans)


def test_a_folder_without_chains_has_no_engine_errors(out: Path) -> None:
    assert drop_engine_errors(out) == 0

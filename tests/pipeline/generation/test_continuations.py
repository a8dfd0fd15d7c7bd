"""Plans in which the teacher continues from the student's incorrect chains."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import tables
from pipeline.generation.blocks import blocks
from pipeline.generation.continuations import plan_continuations
from pipeline.generation.tasks import task
from pipeline.records import Failure, Task
from pipeline.run_dir import RunDir
from tests.pipeline.generation.chain_files import problem, row

PROBLEMS = {name: problem(name) for name in ("p1", "p2", "p3")}
SEED = 7


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path)


def made(
    run: RunDir, name: str, model: str, failure: Failure | None, *functions: str, sample: int = 0
) -> None:
    """Write one chain of a model, with a step for each of `functions`."""
    chain = row(task(PROBLEMS[name], model, sample, SEED), failure, functions)
    tables.write(run.chains / f"{model}-{name}-{sample}.parquet", [chain], tables.CHAINS)


def planned(plans: list[Path]) -> list[Task]:
    return [task for block in blocks(plans) for task in block.tasks()]


def test_each_incorrect_chain_of_the_student_is_continued_after_each_step_but_the_last(
    run: RunDir,
) -> None:
    made(run, "p2", "student", "wrong_answer", "add", "subtract", "answer", sample=1)
    made(run, "p1", "student", "max_steps", "add", "add")
    made(run, "p3", "student", "wrong_answer", "answer")  # no step before the last
    plans = plan_continuations(run, 1, SEED, size=2)
    assert [(task.task_id, task.prefix) for task in planned(plans)] == [
        ("p1/teacher/after/0/1", ("add()",)),
        ("p2/teacher/after/1/1", ("add()",)),
        ("p2/teacher/after/1/2", ("add()", "subtract()")),
    ]
    assert [task.problem.problem_id for task in planned(plans)] == ["p1", "p2", "p2"]
    assert [block.rows for block in blocks(plans)] == [2, 1]


def test_other_chains_are_not_continued(run: RunDir) -> None:
    made(run, "p1", "teacher", "wrong_answer", "add", "answer")
    made(run, "p2", "student", None, "add", "answer")
    made(run, "p3", "student", "engine_error", "add", "add")
    assert plan_continuations(run, 1, SEED, size=2) == []


def test_the_same_chains_give_the_same_plan(run: RunDir) -> None:
    made(run, "p1", "student", "wrong_answer", "add", "answer")
    plans = plan_continuations(run, 1, SEED, size=2)
    written = plans[0].stat().st_mtime_ns
    assert plan_continuations(run, 1, SEED, size=2) == plans
    assert plans[0].stat().st_mtime_ns == written


def test_chains_made_again_add_only_new_tasks_in_a_plan_of_their_own(run: RunDir) -> None:
    made(run, "p1", "student", "wrong_answer", "add", "answer")
    before = plan_continuations(run, 1, SEED, size=2)
    made(run, "p1", "student", "wrong_answer", "add", "add", "answer")
    plans = plan_continuations(run, 1, SEED, size=2)
    assert plans[: len(before)] == before
    assert [task.task_id for task in planned(plans)] == [
        "p1/teacher/after/0/1",
        "p1/teacher/after/0/2",
    ]
    files = {block.chains(run.chains) for block in blocks(plans)}
    assert len(files) == len([*blocks(plans)]) == 2  # the first block's chains are kept


def test_tasks_of_a_further_round_say_so(run: RunDir) -> None:
    later = run.of_round(2)
    made(later, "p1", "student", "wrong_answer", "add", "answer")
    (block,) = blocks(plan_continuations(later, 2, SEED, size=2))
    assert block.task_ids() == ["p1/teacher/r2/after/0/1"]
    assert Path(block.plan).parent == later.tasks

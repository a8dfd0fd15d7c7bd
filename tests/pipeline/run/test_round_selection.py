"""Students of rounds compared on held-out chains that are on disk; no Ray is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import tables
from pipeline.errors import TooManyErrors
from pipeline.generation.blocks import write_plan
from pipeline.generation.tasks import task
from pipeline.recipe.load import load
from pipeline.records import Failure, Task
from pipeline.run.round_selection import (
    end_rounds,
    finished_rounds,
    judge_round,
    student_name,
    student_of,
)
from pipeline.run.run import prepare, redo_heldout
from pipeline.run_dir import RunDir
from tests.pipeline.generation.chain_files import problem, without_engine, write_blocks

RECIPE = load("pocket", ["train.rounds=3", "train.stages=[sft, dpo]", "cluster.batch_tasks=16"])
PROBLEMS = [problem(f"p{index}", "heldout") for index in range(40)]


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run with a trained student of rounds 1 and 2."""
    run = RunDir(tmp_path)
    for number in (1, 2):
        model = student_of(run, number, "dpo")
        model.mkdir(parents=True)
        (model / "config.json").write_text(str(number))
    return run


def judge(
    run: RunDir,
    number: int,
    solved: Mapping[int, int],
    errors: int = 0,
    before: str | None = None,
) -> dict[str, Any]:
    """Judge a round. The student of each round in `solved` solved the first so many problems; on
    the last `errors` of them the engine failed."""
    write_heldout(run, solved, errors)
    folders = dict.fromkeys(map(student_name, solved), "none")
    settings = without_engine(run.heldout)
    facts = judge_round(RECIPE, run, number, PROBLEMS, folders, settings, before)
    run.note_rounds(**facts)
    return facts


def write_heldout(run: RunDir, solved: Mapping[int, int], errors: int = 0) -> None:
    """Write the chains of `judge`."""
    counts = {student_name(index): count for index, count in solved.items()}

    def failure_of(task: Task) -> Failure | None:
        index = int(task.problem.problem_id.removeprefix("p"))
        if index >= len(PROBLEMS) - errors:
            return "engine_error"
        return None if index < counts[task.model] else "wrong_answer"

    for name in counts:
        tasks = [task(each, name, 0, RECIPE.seed) for each in PROBLEMS]
        write_blocks(write_plan(run.tasks / "heldout", name, tasks, 16), run.heldout, failure_of)


def published(run: RunDir) -> str:
    return (run.student / "config.json").read_text()


def test_the_student_of_round_0_is_the_one_before_training() -> None:
    assert [student_name(number) for number in (0, 1, 12)] == [
        "student_before",
        "student_round_1",
        "student_round_12",
    ]


def test_the_models_of_further_rounds_are_in_their_folders(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    first, second = (student_of(run, number, "dpo") for number in (1, 2))
    assert first.is_relative_to(tmp_path / "checkpoints" / "dpo")
    assert second == tmp_path / "rounds" / "02" / first.relative_to(tmp_path)


def test_a_gain_publishes_the_rounds_student_and_rounds_continue(
    run: RunDir, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finished_rounds(run) == 0
    facts = judge(run, 1, {0: 10, 1: 30})
    assert (facts["heldout"], facts["best"], facts["stopped"]) == (40, 1, None)
    assert [(line["round"], line["correct"], line["n"]) for line in facts["students"]] == [
        (0, 10, 40),
        (1, 30, 40),
    ]
    assert (published(run), finished_rounds(run)) == ("1", 1)
    told = capsys.readouterr().err
    assert "round 1: 75.0% of 40 held-out problems solved, the student before: 25.0%" in told


def test_a_later_round_is_compared_with_all_before_it_from_their_chains(run: RunDir) -> None:
    judge(run, 1, {0: 10, 1: 25})
    facts = judge(run, 2, {2: 38})
    assert [line["correct"] for line in facts["students"]] == [10, 25, 38]
    assert (facts["best"], published(run), finished_rounds(run)) == (2, "2", 2)


def test_a_worse_round_keeps_the_student_of_the_best(run: RunDir) -> None:
    judge(run, 1, {0: 10, 1: 30})
    facts = judge(run, 2, {2: 12})
    assert (facts["best"], facts["stopped"]) == (1, "round 2 made the student worse")
    assert published(run) == "1"


@pytest.mark.parametrize("solved", [30, 12])
def test_the_student_before_training_is_kept_if_the_round_solved_no_more(
    run: RunDir, tmp_path: Path, capsys: pytest.CaptureFixture[str], solved: int
) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "config.json").write_text("0")
    facts = judge(run, 1, {0: 30, 1: solved}, before=str(first))
    assert (facts["best"], published(run)) == (0, "0")
    assert "student/ is the one before training" in capsys.readouterr().err
    end_rounds(run, "it ended")
    assert capsys.readouterr().err == "rounds end: it ended; student/ is the one before training\n"


def test_a_student_that_is_there_is_not_copied_again(run: RunDir) -> None:
    judge(run, 1, {0: 10, 1: 30})
    (run.student / "mark").touch()
    judge(run, 1, {0: 10, 1: 30})
    assert (run.student / "mark").exists()


@pytest.mark.parametrize("interrupted", [None, 2], ids=["during the copy", "another round's"])
def test_an_interrupted_copy_is_done_again(run: RunDir, interrupted: int | None) -> None:
    judge(run, 1, {0: 10, 1: 30})
    (run.student / "config.json").write_text("half")
    run.note_rounds(student=interrupted)
    judge(run, 1, {0: 10, 1: 30})
    assert published(run) == "1"


def test_a_removed_student_is_copied_again(run: RunDir) -> None:
    judge(run, 1, {0: 10, 1: 30})
    run.student.rename(run.path / "moved")
    judge(run, 1, {0: 10, 1: 30})
    assert published(run) == "1"


def test_problems_on_which_the_engine_failed_are_not_judged(run: RunDir) -> None:
    facts = judge(run, 1, {0: 10, 1: 30}, errors=4)
    assert [line["n"] for line in facts["students"]] == [36, 36]


def test_more_errors_than_the_setting_measure_no_round(run: RunDir) -> None:
    with pytest.raises(TooManyErrors, match=r"^5 of 40 chains of student_before ended"):
        judge(run, 1, {0: 10, 1: 30}, errors=5)
    assert finished_rounds(run) == 0
    assert not run.student.exists()


def test_chains_made_again_compare_the_measured_rounds_anew(run: RunDir) -> None:
    prepared = replace(prepare(RECIPE, run), heldout=tuple(PROBLEMS))
    assert judge(run, 1, {0: 20, 1: 22}, errors=4)["stopped"] is not None
    write_heldout(run, {0: 20, 1: 40})  # as an engine would after the errors were dropped
    redo_heldout(prepared)
    figures = [(line["correct"], line["n"]) for line in run.rounds["students"]]
    assert (figures, run.rounds["stopped"]) == ([(20, 40), (40, 40)], None)
    assert finished_rounds(run) == 1


def test_before_the_first_round_only_errors_are_dropped(run: RunDir) -> None:
    write_heldout(run, {0: 20, 1: 22}, errors=4)
    redo_heldout(replace(prepare(RECIPE, run), heldout=tuple(PROBLEMS)))
    assert len([*tables.rows(run.heldout, ["task_id"])]) == 72
    assert finished_rounds(run) == 0


def test_an_early_end_is_recorded_and_told_with_the_students_round(
    run: RunDir, capsys: pytest.CaptureFixture[str]
) -> None:
    judge(run, 1, {0: 10, 1: 30})
    capsys.readouterr()
    end_rounds(run, "round 2 has no pairs")
    assert capsys.readouterr().err == (
        "rounds end: round 2 has no pairs; student/ is that of round 1\n"
    )
    assert (run.rounds["stopped"], run.rounds["best"]) == ("round 2 has no pairs", 1)

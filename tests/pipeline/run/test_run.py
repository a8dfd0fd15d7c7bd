"""Rules of the stages, without Ray; the work of a stage is tested in its own room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import tables
from pipeline.errors import CannotStart, StageFailed
from pipeline.generation.blocks import blocks, write_plan
from pipeline.generation.prepared import Run
from pipeline.generation.stage import generate_stage, generating_models
from pipeline.generation.tasks import next_tasks
from pipeline.pocket.models import dialect
from pipeline.problems.pocket.world import problems
from pipeline.problems.reference.chain import reference_chain
from pipeline.recipe.load import Recipe, load
from pipeline.records import Chain, Step, Verdict
from pipeline.run.run import evaluated_models, in_round, pairs_stage, prepare
from pipeline.run_dir import RunDir
from toolsets import ToolCall, ToolResult

COUNTS = ("problems.counts.train=20", "problems.counts.test=5", "problems.counts.ood=5")


def _recipe(*overrides: str) -> Recipe:
    return load("pocket", [*COUNTS, "train.heldout_problems=10", *overrides])


def _run(place: Path, *overrides: str) -> Run:
    return prepare(_recipe(*overrides), RunDir(place))


def _write_correct_chains(run: RunDir) -> None:
    rows = []
    for problem in problems(5, 0, "train"):
        chain = reference_chain(problem, dialect().toolset)
        assert chain
        chain = replace(chain, model="student", chain_id=f"{problem.problem_id}/student/0")
        verdict = Verdict(chain.chain_id, True, problem.answer, problem.answer, None)
        rows.append(tables.chain_row(chain, problem, verdict))
    tables.write(run.chains / "chains.parquet", rows, tables.CHAINS)


def test_a_later_round_without_pairs_ends_the_rounds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _run(tmp_path, "train.rounds=3")
    _write_correct_chains(run.dir.of_round(2))
    run.dir.note_rounds(best=1, students=[{}, {}], stopped=None)
    pairs_stage(in_round(run, 2))
    assert run.dir.rounds["stopped"].startswith("in round 2 no pair could be built from 5 chains")
    assert run.dir.rounds["best"] == 1
    assert "student/ is that of round 1" in capsys.readouterr().err


def test_a_first_round_without_pairs_fails(tmp_path: Path) -> None:
    run = _run(tmp_path, "train.rounds=3")
    _write_correct_chains(run.dir)
    with pytest.raises(StageFailed, match=r"^no pair could be built from 5 chains"):
        pairs_stage(run)
    assert run.dir.rounds == {}


def test_a_later_round_starts_from_the_previous_student(tmp_path: Path) -> None:
    run = _run(tmp_path, "train.rounds=3")
    second, third = in_round(run, 2), in_round(run, 3)
    assert in_round(run, 1) is run
    assert second.recipe.student.model == str(tmp_path / "checkpoints" / "dpo" / "model")
    assert third.recipe.student.model == str(
        tmp_path / "rounds" / "02" / "checkpoints" / "dpo" / "model"
    )
    assert third.recipe.teacher == run.recipe.teacher
    assert third.dir.path == tmp_path / "rounds" / "03"


def test_a_single_round_holds_out_no_problem(tmp_path: Path) -> None:
    assert _run(tmp_path).heldout == ()
    assert len(_run(tmp_path, "train.rounds=2").heldout) == 10


def test_rounds_after_the_first_may_have_other_models() -> None:
    recipe = _recipe("train.round_models=[student]")
    assert generating_models(recipe) == generating_models(recipe, 1) == ["teacher", "student"]
    assert generating_models(recipe, 2) == ["student"]
    assert generating_models(_recipe(), 2) == ["teacher", "student"]


def test_rounds_without_a_chain_to_reject_are_refused(tmp_path: Path) -> None:
    overrides = ("train.round_models=[teacher]", "pairs.rejected_from=[student]")
    with pytest.raises(CannotStart) as raised:
        _run(tmp_path, "train.rounds=2", *overrides)
    assert str(raised.value) == (
        "train.round_models (teacher) has none of pairs.rejected_from (student): rounds after the "
        "first would have no chain to reject"
    )
    assert _run(tmp_path, *overrides)  # both settings are unused with one round


@pytest.mark.parametrize(
    ("overrides", "models"),
    [
        ([], ["student_before", "student_sft", "student_after", "teacher"]),
        (["train.stages=[dpo]"], ["student_before", "student_after", "teacher"]),
        (
            ["train.rounds=2"],
            ["student_before", "student_sft", "student_rounds", "student_after", "teacher"],
        ),
    ],
)
def test_only_models_that_the_recipe_trains_are_evaluated(
    overrides: list[str], models: list[str]
) -> None:
    assert evaluated_models(_recipe(*overrides)) == models


def _generated(place: Path, *calls: str) -> Run:
    """A run whose teacher made `calls` once each in its first chain and answered in all chains."""
    run = _run(place, "pairs.rejected_from=[teacher]")
    training = [problem for problem in run.problems if problem.split == "train"]
    tasks = next_tasks(training, "teacher", run.recipe.teacher.samples, run.recipe.seed, {})
    answer = Step("answer(value=1)", ToolCall("answer", {"value": 1}, "answer(value=1)"), None)
    called = [Step(f"{name}()", ToolCall(name, {}, ""), ToolResult(True, "1")) for name in calls]
    for block in blocks(write_plan(run.dir.tasks, "teacher-000", tasks, 64)):
        rows = []
        for index, task in enumerate(block.tasks()):
            steps = (*called, answer) if index == 0 else (answer,)
            of_task = (task.task_id, task.problem.problem_id, "teacher", task.sample_index)
            chain = Chain(*of_task, task.seed, (), steps, "answer", "1")
            verdict = Verdict(task.task_id, False, task.problem.answer, "1", "wrong_answer")
            rows.append(tables.chain_row(chain, task.problem, verdict))
        tables.write(block.chains(run.dir.chains), rows, tables.CHAINS)
    return run


def test_a_teacher_that_never_calls_a_function_gives_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _generated(tmp_path, "think")
    generate_stage(run)
    warning = (
        "the teacher called no function in any of its 20 chains, of which 20 ended with an answer: "
        "dialect=native with tool_parser (agent.*), few-shot examples in agent.examples, or "
        "another teacher may help"
    )
    assert f"warning: {warning}\n" in capsys.readouterr().err
    facts = run.dir.facts("generate")
    assert facts["warning"] == warning
    assert facts["replies"] == {"teacher": {"chains": 20, "answered": 20, "calling": 0}}


def test_a_teacher_that_calls_a_function_once_gives_no_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _generated(tmp_path, "think", "add")
    generate_stage(run)
    assert capsys.readouterr().err == ""
    assert "warning" not in run.dir.facts("generate")

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import toolsets
from pipeline import tables
from pipeline.errors import CannotStart, StageFailed
from pipeline.pairs.stage import pairs
from pipeline.recipe.load import Recipe, load
from pipeline.records import Chain, Problem, Verdict
from pipeline.run_dir import RunDir
from tests.pipeline.pairs.chains import DIALECT, QUESTION, chain

ADD, ANSWER = "add(a=1, b=2)", "answer(3)"


def _recipe(*overrides: str) -> Recipe:
    return load("pocket", ["pairs.per_problem=4", *overrides])


def _row(
    problem: str,
    model: str,
    sample: int,
    *replies: str,
    correct: bool | None = False,
    question: str = "",
    prefix: int = 0,
    task: str = "arithmetic",
) -> dict[str, Any]:
    chain_id = (
        f"{problem}/{model}/after/{sample}/{prefix}" if prefix else f"{problem}/{model}/{sample}"
    )
    made: Chain = replace(
        chain(chain_id, *replies, model=model, sample=sample),
        problem_id=problem,
        prefix_steps=prefix,
    )
    failure = None if correct else "wrong_answer" if correct is False else "engine_error"
    verdict = Verdict(chain_id, correct, "3", made.answer, failure)
    posed = Problem(problem, task, question or f"{problem}: {QUESTION}", "3", "train")
    return tables.chain_row(made, posed, verdict)


def _pairs(
    place: Path, rows: Sequence[dict[str, Any]], *overrides: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    run = RunDir(place)
    tables.write(run.chains / "chains.parquet", rows, tables.CHAINS)
    recipe = _recipe(*overrides)
    facts = pairs(recipe, run, DIALECT, toolsets.load(recipe.toolset))
    return facts, list(tables.rows(run.pairs))


CONTINUED = (
    _row("p", "teacher", 0, ADD, ANSWER, correct=True),
    _row("p", "student", 0, ADD, "add(a=3, b=1)", "answer(4)"),
    _row("p", "teacher", 0, ADD, "add(a=3, b=0)", ANSWER, correct=True, prefix=1),
    _row("p", "teacher", 0, ADD, "add(a=3, b=1)", "answer(4)", correct=False, prefix=2),
)


def test_corrected_chooses_the_teachers_continuation_before_the_fatal_step(
    tmp_path: Path,
) -> None:
    facts, (pair,) = _pairs(tmp_path, CONTINUED, "pairs.strategies={corrected: 1}")
    assert (pair["chosen_chain_id"], pair["rejected_chain_id"]) == (
        "p/teacher/after/0/1",
        "p/student/0",
    )
    assert [message["content"] for message in pair["prompt"][2:]] == [ADD, "3"]
    assert [message["content"] for message in pair["chosen"]] == ["add(a=3, b=0)", "3", ANSWER]
    assert pair["rejected"][0]["content"] == "add(a=3, b=1)"
    assert facts["chains"] == {
        "teacher right": 1,
        "student wrong": 1,
        "teacher continued right": 1,
        "teacher continued wrong": 1,
    }


def test_continued_chains_are_neither_supervised_nor_paired_otherwise(tmp_path: Path) -> None:
    strategies = "pairs.strategies={outcome: 1, concise: 1, first_divergence: 1, recovered: 1}"
    facts, made = _pairs(tmp_path, CONTINUED, strategies, "train.sft.per_problem=9")
    assert {(p["chosen_chain_id"], p["rejected_chain_id"]) for p in made} == {
        ("p/teacher/0", "p/student/0")
    }
    assert facts["supervised"] == 1


def test_correct_chains_of_earlier_rounds_are_added_without_duplicates(tmp_path: Path) -> None:
    incorrect = _row("q", "student", 0, "answer(4)")
    first = [_row("p", "teacher", 0, ADD, ANSWER, correct=True), incorrect]
    second = [
        _row("p", "teacher", 1, ADD, ANSWER, correct=True),  # a duplicate
        _row("q", "teacher", 1, ADD, ANSWER, correct=True),
        incorrect,
    ]
    _pairs(tmp_path / "1", first, "train.stages=[sft]")
    earlier = tables.rows(RunDir(tmp_path / "1").pairs / "supervised")
    run = RunDir(tmp_path / "2")
    tables.write(run.chains / "chains.parquet", second, tables.CHAINS)
    recipe = _recipe("train.stages=[sft]")
    facts = pairs(recipe, run, DIALECT, toolsets.load(recipe.toolset), earlier)
    chain_ids = [row["chain_id"] for row in tables.rows(run.pairs / "supervised")]
    assert chain_ids == ["p/teacher/0", "q/teacher/1"]
    assert facts["supervised"] == 2


def test_problems_with_the_same_question_do_not_repeat_a_pair(tmp_path: Path) -> None:
    rows = [
        row
        for problem, question in (("p", "One and two?"), ("q", "one and TWO"), ("r", "Two?"))
        for row in (
            _row(problem, "teacher", 0, ADD, ANSWER, correct=True, question=question),
            _row(problem, "student", 0, "answer(4)", question=question),
        )
    ]
    rows[2:4] = [row | {"problem": rows[0]["problem"] | {"problem_id": "q"}} for row in rows[2:4]]
    facts, made = _pairs(tmp_path, rows)
    assert [pair["problem_id"] for pair in made] == ["p", "r"]
    assert facts["dropped"] == {"the same pair twice": 1, "no strategy fits": 1}


def test_pairs_per_run_are_capped_and_balanced_over_tasks(tmp_path: Path) -> None:
    rows = [
        row
        for index in range(12)
        for row in (
            _row(f"p{index:02}", "teacher", 0, ADD, ANSWER, correct=True, task=_task(index)),
            _row(f"p{index:02}", "student", 0, "answer(4)", task=_task(index)),
        )
    ]
    facts, made = _pairs(tmp_path, rows, "pairs.most=4")
    assert sorted(_task(int(pair["problem_id"][1:])) for pair in made) == ["a", "a", "b", "b"]
    assert facts["dropped"] == {"beyond pairs.most": 8}
    assert facts["supervised"] == 12


def _task(index: int) -> str:
    return "b" if index in (4, 8) else "a"


def test_a_correct_chain_without_a_bearing_call_is_neither_chosen_nor_supervised(
    tmp_path: Path,
) -> None:
    rows = [
        _row("p", "teacher", 0, ANSWER, correct=True),
        _row("p", "teacher", 1, "add(a=1, b=1)", ANSWER, correct=True),
        _row("p", "teacher", 2, "add(a=1, b=0)", "add(a=1, b=2)", ANSWER, correct=True),
        _row("p", "student", 0, "answer(4)"),
    ]
    strategies = "pairs.strategies={outcome: 1, concise: 1, first_divergence: 1}"
    facts, made = _pairs(tmp_path / "1", rows, strategies, "train.sft.per_problem=9")
    assert {pair["chosen_chain_id"] for pair in made} == {"p/teacher/2"}
    assert {pair["rejected_chain_id"] for pair in made} == {"p/student/0"}
    assert facts["supervised"] == 1
    reason = "correct without a call that bears on the answer (pairs.needs_call)"
    assert facts["dropped"][reason] == 2
    assert facts["chains"] == {"teacher right": 3, "student wrong": 1}
    every = [strategies, "train.sft.per_problem=9", "pairs.needs_call=false"]
    facts, made = _pairs(tmp_path / "2", rows, *every)
    assert "p/teacher/0" in {pair["chosen_chain_id"] for pair in made}
    assert (facts["supervised"], facts["dropped"].get(reason)) == (3, None)


def test_a_continuation_without_a_bearing_call_is_not_chosen(tmp_path: Path) -> None:
    rows = [
        _row("p", "student", 0, "add(a=1, b=1)", "add(a=3, b=1)", "answer(4)"),
        _row("p", "teacher", 0, "add(a=1, b=1)", ANSWER, correct=True, prefix=1),
        _row("p", "teacher", 0, "add(a=1, b=1)", "add(a=3, b=1)", "answer(4)", prefix=2),
        _row("q", "teacher", 0, ADD, ANSWER, correct=True),
    ]
    only = "pairs.strategies={corrected: 1}"
    with pytest.raises(StageFailed, match=r"no pair could be built .*pairs.needs_call"):
        _pairs(tmp_path, rows, only)
    assert len(_pairs(tmp_path, rows, only, "pairs.needs_call=false")[1]) == 1


def test_a_supervised_row_names_the_replies_whose_call_failed(tmp_path: Path) -> None:
    replies = ("add(1", "add(a=1)", ADD, ANSWER)
    rows = [_row("p", "teacher", 0, *replies, correct=True)]
    facts, _ = _pairs(tmp_path, rows, "train.stages=[sft]")
    (row,) = tables.rows(RunDir(tmp_path).pairs / "supervised")
    assert [row["completion"][place]["content"] for place in row["failed"]] == ["add(1", "add(a=1)"]
    assert facts["failed_steps"] == 2


CORRECT = _row("p", "teacher", 0, ADD, ANSWER, correct=True)
UNAIDED = _row("p", "teacher", 0, ANSWER, correct=True)
INCORRECT = _row("p", "student", 0, "answer(4)")


@pytest.mark.parametrize(
    ("rows", "overrides", "message"),
    [
        (
            [CORRECT],
            [],
            "no pair could be built from 1 chains (1 teacher right); no incorrect chain: 1; "
            "try more samples or a higher temperature of the student, or "
            "pairs.strategies.concise=1",
        ),
        (
            [INCORRECT, _row("p", "teacher", 0, correct=None)],
            ["train.stages=[dpo]"],
            "no pair could be built from 2 chains (1 student wrong, 1 teacher engine error); "
            "no correct chain: 1; try more samples or a stronger teacher, or "
            "pairs.strategies.reference=1 if the data has reference solutions",
        ),
        (
            [CORRECT, INCORRECT],
            ["pairs.max_length_ratio=1.5"],
            "no pair could be built from 2 chains (1 student wrong, 1 teacher right); lengths too "
            "far apart (pairs.max_length_ratio): 1; no strategy fits: 1; try a larger "
            "pairs.max_length_ratio",
        ),
        (
            [CORRECT, INCORRECT],
            ["pairs.strategies={recovered: 1}"],
            "no pair could be built from 2 chains (1 student wrong, 1 teacher right); no strategy "
            "fits: 1; try more samples, a higher temperature, other pairs.strategies, "
            "or pairs.strategies.reference=1 if the data has reference solutions",
        ),
        (
            [UNAIDED, INCORRECT],
            ["train.stages=[sft]"],
            "no chain was correct with a call that bears on its answer from 2 chains (1 student "
            "wrong, 1 teacher right); correct without a call that bears on the answer "
            "(pairs.needs_call): 1; no correct chain: 1; try pairs.needs_call=false, or a teacher "
            "that calls functions",
        ),
        (
            [INCORRECT],
            ["train.stages=[sft]"],
            "no chain was correct from 1 chains (1 student wrong); no correct chain: 1; try "
            "more samples or a stronger teacher, or pairs.strategies.reference=1 if the data "
            "has reference solutions",
        ),
    ],
)
def test_without_training_data_the_error_gives_reasons_and_advice(
    rows: list[dict[str, Any]], overrides: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(StageFailed) as raised:
        _pairs(tmp_path, rows, *overrides)
    assert str(raised.value) == message


def test_without_chains_the_stage_cannot_start(tmp_path: Path) -> None:
    recipe = _recipe()
    with pytest.raises(CannotStart, match="holds no chains; run generate first"):
        pairs(recipe, RunDir(tmp_path), DIALECT, toolsets.load(recipe.toolset))


def test_the_groups_of_problems_are_written_for_training(tmp_path: Path) -> None:
    rows = [_row(name, "teacher", 0, ADD, ANSWER, correct=True) for name in ("p", "q")] + [
        _row("p", "student", 0, "answer(4)")
    ]
    for row in rows:
        row["problem"]["group"] = "story" if row["problem"]["problem_id"] == "p" else ""
    _pairs(tmp_path, rows)
    assert tables.read_groups(RunDir(tmp_path).pairs) == {"p": "story"}
    assert tables.read_groups(tmp_path / "none") == {}

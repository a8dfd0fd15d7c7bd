from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.metrics import COLUMNS, metrics
from pipeline.evaluation.statistics import wilson

CELL = {"n", "correct", "accuracy", "ci95", "failures", "calls_per_problem", "tokens_per_problem"}
PAIRED = {"gain", "ci95", "gained", "lost", "p_value"}


def _row(
    model: str,
    problem: int,
    correct: bool | None,
    split: str = "test",
    task: str = "arithmetic",
    **overrides: Any,
) -> dict[str, Any]:
    problem_id = f"{split}-{task}-{problem}"
    row = {
        "task_id": f"{problem_id}/{model}/{overrides.get('sample_index', 0)}",
        "problem": {"problem_id": problem_id, "task": task, "split": split},
        "model": model,
        "sample_index": 0,
        "correct": correct,
        "failure": {True: None, False: "wrong_answer", None: "engine_error"}[correct],
        "calls": 2,
        "tokens": 30,
        "steps": [],
    }
    return row | overrides


def test_a_cell_has_the_documented_keys_and_values() -> None:
    rows = [
        _row("teacher", 0, True, calls=3, tokens=40),
        _row("teacher", 1, True, calls=1, tokens=20),
        _row("teacher", 2, False, calls=5, tokens=60),
        _row("teacher", 3, False, calls=0, tokens=10, failure="unparseable_call"),
        _row("teacher", 4, None, calls=9, tokens=99),
    ]
    table = metrics(rows)
    assert set(table) == {"models", "paired", "paired_vs_sft"}
    cell = table["models"]["teacher"]["test"]
    assert set(cell) >= CELL
    assert (cell["n"], cell["correct"], cell["accuracy"]) == (4, 2, 0.5)
    assert cell["ci95"] == list(wilson(2, 4))
    assert cell["failures"] == {"wrong_answer": 1, "unparseable_call": 1, "engine_error": 1}
    assert cell["calls_per_problem"] == (3 + 1 + 5 + 0) / 4
    assert cell["tokens_per_problem"] == (40 + 20 + 60 + 10) / 4
    assert cell["calls_per_solved"] == (3 + 1) / 2


def test_splits_have_one_cell_for_all_tasks_and_one_per_task() -> None:
    rows = [
        _row("teacher", 0, True),
        _row("teacher", 0, False, task="logic"),
        _row("teacher", 0, False, split="ood"),
    ]
    cells = metrics(rows)["models"]["teacher"]
    counts = {name: (cell["n"], cell["correct"]) for name, cell in cells.items()}
    assert counts == {
        "test": (2, 1),
        "test/arithmetic": (1, 1),
        "test/logic": (1, 0),
        "ood": (1, 0),
        "ood/arithmetic": (1, 0),
    }


def test_student_after_is_compared_with_before_and_with_sft_problem_by_problem() -> None:
    before = [False, False, True, False]
    sft = [True, False, True, True]
    after = [True, True, False, True]
    rows = [
        _row(model, index, correct)
        for model, outcomes in (
            ("student_after", after),
            ("student_before", before),
            ("student_sft", sft),
        )
        for index, correct in enumerate(outcomes)
    ]
    table = metrics(rows)
    for name, gained, lost in (("paired", 3, 1), ("paired_vs_sft", 1, 1)):
        comparison = table[name]["test"]
        assert set(comparison) == PAIRED
        assert (comparison["gained"], comparison["lost"]) == (gained, lost)
        assert comparison["gain"] == (gained - lost) / 4
        assert len(comparison["ci95"]) == 2
    assert table["paired"]["test"]["p_value"] == pytest.approx(10 / 16)  # 2 * (1 + 4) / 2^4
    assert set(table["paired"]) == {"test", "test/arithmetic"}


def test_only_problems_that_both_models_were_judged_on_are_compared() -> None:
    rows = [
        _row("student_before", 0, False),
        _row("student_after", 0, True),
        _row("student_before", 1, None),  # the engine failed
        _row("student_after", 1, True),
        _row("student_after", 2, True),  # not evaluated before
    ]
    comparison = metrics(rows)["paired"]["test"]
    assert (comparison["gained"], comparison["lost"], comparison["gain"]) == (1, 0, 1.0)


def test_samples_of_one_problem_are_compared_by_index() -> None:
    rows = [
        _row(model, 0, correct, sample_index=index)
        for model, outcomes in (("student_before", [True, False]), ("student_after", [False, True]))
        for index, correct in enumerate(outcomes)
    ]
    comparison = metrics(rows)["paired"]["test"]
    assert (comparison["gained"], comparison["lost"]) == (1, 1)


def test_without_the_students_nothing_is_compared() -> None:
    table = metrics([_row("teacher", 0, True), _row("student_before", 0, True)])
    assert (table["paired"], table["paired_vs_sft"]) == ({}, {})


def test_a_split_that_one_model_lacks_is_not_compared() -> None:
    rows = [
        _row("student_before", 0, True),
        _row("student_after", 0, True),
        _row("student_after", 0, True, split="ood"),
    ]
    assert set(metrics(rows)["paired"]) == {"test", "test/arithmetic"}


def test_a_cell_of_engine_errors_only_has_n_zero() -> None:
    cell = metrics([_row("teacher", 0, None)])["models"]["teacher"]["test"]
    assert (cell["n"], cell["correct"], cell["accuracy"], cell["ci95"]) == (0, 0, 0.0, [0.0, 1.0])
    assert cell["failures"] == {"engine_error": 1}
    assert cell["calls_per_problem"] == cell["tokens_per_problem"] == 0.0


def test_no_rows_make_an_empty_table() -> None:
    assert metrics([]) == {"models": {}, "paired": {}, "paired_vs_sft": {}}


ROWS = [
    _row(model, problem, correct, split)
    for model in ("student_before", "student_sft", "student_after", "teacher")
    for split in ("test", "ood")
    for problem, correct in enumerate([True, False, None])
]


@given(st.permutations(ROWS))
def test_the_order_of_rows_does_not_matter_and_the_table_is_json(
    rows: list[dict[str, Any]],
) -> None:
    assert json.loads(json.dumps(metrics(rows))) == metrics(ROWS)
    assert all(set(COLUMNS) <= set(row) for row in rows)


def test_one_successful_call_among_several_of_a_reply_is_a_call() -> None:
    good = {"call": {"name": "add"}, "result": {"ok": True}}
    bad = {"call": {"name": "divide"}, "result": {"ok": False}}
    note = {"call": {"name": "think"}, "result": {"ok": True}}
    counts = []
    for each in ([bad, good], [note, good], [bad, bad], [note, note]):
        step = {"call": each[0]["call"], "result": {"ok": False}, "parallel": each}
        table = metrics([_row("teacher", 0, True, steps=[step])])
        counts.append(table["models"]["teacher"]["test"]["correct_without_call"])
    assert counts == [0, 0, 1, 1]

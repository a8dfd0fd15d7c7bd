from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.metrics import COLUMNS, metrics
from pipeline.evaluation.statistics import wilson

CELL = {"n", "correct", "accuracy", "ci95", "failures", "calls_per_problem", "tokens_per_problem"}
PAIRED = {"gain", "ci95", "gained", "lost", "p_value", "n", "not_compared"}
CORRECTED = {"p_holm", "comparisons"}  # of the comparison of a task


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
        "answer": None,
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
    assert (comparison["n"], comparison["not_compared"]) == (1, 2)


def test_each_row_has_its_own_n_and_counts_the_problems_without_a_verdict() -> None:
    rows = [_row("teacher", 0, True), *(_row("teacher", index, None) for index in range(1, 10))]
    rows += [_row("student_before", index, index < 5) for index in range(10)]
    cells = {name: splits["test"] for name, splits in metrics(rows)["models"].items()}
    assert {name: (cell["n"], cell["without_verdict"]) for name, cell in cells.items()} == {
        "teacher": (1, 9),
        "student_before": (10, 0),
    }


def _samples(model: str, *outcomes: str) -> list[dict[str, Any]]:
    """A problem for each of `outcomes`: + and - for a chain, x if the engine failed."""
    verdicts = {"+": True, "-": False, "x": None}
    return [
        _row(model, index, verdicts[mark], sample_index=sample)
        for index, marks in enumerate(outcomes)
        for sample, mark in enumerate(marks)
    ]


def test_several_chains_of_a_problem_are_one_share() -> None:
    cell = metrics(_samples("teacher", "++--", "+++x", "----", "xxxx"))["models"]["teacher"]["test"]
    assert (cell["n"], cell["chains"], cell["correct"]) == (3, 11, 5)
    assert cell["accuracy"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert cell["without_verdict"] == 1


@pytest.mark.parametrize("samples", [1, 2, 8])
def test_three_problems_gained_of_100_are_no_evidence_with_any_number_of_copies(
    samples: int,
) -> None:
    rows = _samples("student_before", *["-" * samples] * 100)
    rows += _samples("student_after", *["+" * samples] * 3, *["-" * samples] * 97)
    comparison = metrics(rows)["paired"]["test"]
    assert (comparison["n"], comparison["gained"], comparison["lost"]) == (100, 3, 0)
    assert comparison["p_value"] == pytest.approx(0.25)
    assert comparison["ci95"][0] <= 0 < comparison["ci95"][1]


def test_samples_of_one_problem_are_one_comparison() -> None:
    rows = [*_samples("student_before", "+-"), *_samples("student_after", "-+")]
    comparison = metrics(rows)["paired"]["test"]
    assert (comparison["n"], comparison["gained"], comparison["lost"]) == (1, 0, 0)
    assert comparison["gain"] == 0


def test_pass_and_majority_at_k_are_counted_by_hand() -> None:
    answers = [["2", "2.0", "3", "4"], ["5", "6", None, "7"], ["9", "9", "1", "1"]]
    correct = [[False, False, True, False], [False, False, False, True], [True, True, False, False]]
    rows = [
        _row("teacher", index, judged, sample_index=sample, answer=answers[index][sample])
        for index, verdicts in enumerate(correct)
        for sample, judged in enumerate(verdicts)
    ]
    cell = metrics(rows)["models"]["teacher"]["test"]
    values = {
        key: {k: c["value"] for k, c in cell[key].items()} for key in ("pass_at", "majority_at")
    }
    assert values["pass_at"] == pytest.approx({"2": (1 / 2 + 1 / 2 + 5 / 6) / 3, "4": 1.0})
    # of all four: 2 twice; three answers tied; 9 and 1 tied. Of the first two: 2; tied; 9.
    assert values["majority_at"] == pytest.approx({"2": 1 / 3, "4": (0 + 1 / 3 + 1 / 2) / 3})
    for k in ("2", "4"):
        low, high = cell["pass_at"][k]["ci95"]
        assert low <= values["pass_at"][k] <= high
        assert cell["majority_at"][k]["n"] == 3
    assert "pass_at" not in metrics(_samples("teacher", "+", "-"))["models"]["teacher"]["test"]


def test_pass_at_k_is_of_the_problems_with_k_verdicts() -> None:
    cell = metrics(_samples("teacher", "+--", "-xx", "--x"))["models"]["teacher"]["test"]
    assert {k: found["n"] for k, found in cell["pass_at"].items()} == {"2": 2, "3": 1}
    assert cell["pass_at"]["3"]["value"] == 1.0


def test_comparisons_of_several_tasks_are_corrected_for_their_number() -> None:
    rows = []
    for task, gained in (("arithmetic", 6), ("logic", 0)):
        for index in range(20):
            rows.append(_row("student_before", index, False, task=task))
            rows.append(_row("student_after", index, index < gained, task=task))
    compared = metrics(rows)["paired"]
    assert compared["test/arithmetic"]["p_value"] == pytest.approx(2 / 64)
    assert compared["test/arithmetic"]["p_holm"] == pytest.approx(4 / 64)
    assert compared["test/logic"]["comparisons"] == 2
    assert not CORRECTED & set(compared["test"])


def test_a_cell_names_its_problems_with_their_golds() -> None:
    def digest(*golds: str) -> str:
        rows = [_row("teacher", index, True) for index in range(len(golds))]
        for row, gold in zip(rows, golds, strict=True):
            row["problem"] |= {"question": "?", "answer": gold}
        return metrics(rows[::-1])["models"]["teacher"]["test"]["problems_digest"]

    assert digest("1", "2") == digest("1", "2")
    assert len({digest("1", "2"), digest("1", "3"), digest("1"), digest("2", "1")}) == 4


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
    assert (cell["n"], cell["correct"], cell["accuracy"], cell["ci95"]) == (0, 0, None, [0.0, 1.0])
    assert cell["failures"] == {"engine_error": 1}
    means = ("calls_per_problem", "calls_per_solved", "tokens_per_problem")
    assert [cell[name] for name in means] == [None, None, None]


def test_a_comparison_of_engine_errors_only_has_no_gain() -> None:
    comparison = metrics([_row("student_before", 0, None), _row("student_after", 0, True)])[
        "paired"
    ]
    assert (comparison["test"]["gain"], comparison["test"]["ci95"]) == (None, [-1.0, 1.0])
    assert (comparison["test"]["n"], comparison["test"]["not_compared"]) == (0, 1)


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

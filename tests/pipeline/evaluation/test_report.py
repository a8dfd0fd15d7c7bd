from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from pipeline.evaluation.metrics import metrics
from pipeline.evaluation.report import LABELS, render_report
from pipeline.evaluation.statistics import wilson
from pipeline.records import Step
from pipeline.tables import step_row
from toolsets import ToolCall, ToolResult

STAGES = {"stages": {"pairs": {"rows_out": 1_234, "supervised": 56}}}


def _rows(
    model: str, correct: int, incorrect: int, split: str = "test", task: str = "arithmetic"
) -> list[dict[str, Any]]:
    ids = [f"{split}-{task}-{index:04d}" for index in range(correct + incorrect)]
    return [
        {
            "task_id": f"{problem_id}/{model}/0",
            "problem": {"problem_id": problem_id, "task": task, "split": split},
            "model": model,
            "sample_index": 0,
            "correct": index < correct,
            "failure": None if index < correct else "wrong_answer",
            "calls": 3,
            "tokens": 41,
            "steps": [],
            "answer": None,
        }
        for index, problem_id in enumerate(ids)
    ]


def _text(rows: list[dict[str, Any]], run_json: dict[str, Any] | None = None) -> str:
    console = Console(record=True, width=140, file=io.StringIO())
    console.print(render_report(metrics(rows), run_json or STAGES, "runs/[x]"))
    return console.export_text()


def _of(
    before: int, after: int, total: int = 100, task: str = "arithmetic"
) -> list[dict[str, Any]]:
    return [
        *_rows("student_before", before, total - before, task=task),
        *_rows("student_after", after, total - after, task=task),
    ]


def test_the_table_has_the_accuracy_of_each_model_with_its_interval() -> None:
    rows = [*_of(40, 75), *_rows("teacher", 95, 5), *_rows("teacher", 9, 11, "ood")]
    text = _text(rows)
    assert "test (n=100)" in text
    assert "ood (n=20)" in text
    (before,) = [line for line in text.splitlines() if "student before" in line and "%" in line]
    low, high = wilson(40, 100)
    assert f"40.0%  [{100 * low:.1f}, {100 * high:.1f}]" in before
    assert "3.0" in before  # calls per solved problem
    assert "41" in before  # tokens per problem
    (teacher,) = [line for line in text.splitlines() if "teacher" in line and "%" in line]
    assert "95.0%" in teacher
    assert "45.0%" in teacher


def test_a_model_that_was_not_evaluated_on_a_split_has_a_dash() -> None:
    text = _text([*_rows("teacher", 1, 1), *_rows("student_before", 1, 1, "ood")])
    (teacher,) = [line for line in text.splitlines() if "teacher" in line and "%" in line]
    assert " - " in teacher


def test_failures_are_counted_by_kind_over_all_splits_once() -> None:
    text = _text([*_rows("teacher", 95, 5), *_rows("teacher", 9, 11, "ood")])
    (line,) = [line for line in text.splitlines() if "wrong_answer" in line]
    assert " 16 " in line  # 5 + 11, not once more for test/arithmetic


def test_a_significant_gain_is_called_learning() -> None:
    text = _text(_of(40, 75))
    assert "student after against before, test: +35.0 points (95% +2" in text
    assert "35 gained, 0 lost" in text
    assert (
        "The student learned: it solves more unseen problems than before, from 1,234 pairs and 56 "
        "correct chains." in text
    )


def test_the_conclusion_states_when_nothing_was_learned() -> None:
    text = " ".join(_text(_of(40, 41)).split())
    assert (
        "Nothing shows that the student learned to solve more problems: the interval of its gain "
        "contains zero (from 1,234 pairs and 56 correct chains)." in text
    )
    assert "The student learned" not in text
    assert "Nothing shows" in _text(_of(0, 0))


def test_the_conclusion_states_when_the_student_got_worse() -> None:
    text = _text(_of(75, 40))
    assert "The student lost ability: it solves fewer unseen problems" in text
    assert "-35.0 points" in text


def test_four_gained_and_none_lost_is_not_called_learning() -> None:
    text = _text(_of(40, 44))
    assert "4 gained, 0 lost of 100, p=0.12)" in text
    assert "Nothing shows" in text
    assert "The student learned" in _text(_of(40, 46))


def test_rows_with_verdicts_on_fewer_problems_have_their_own_n() -> None:
    rows = [*_of(40, 75), *_rows("teacher", 10, 0)]
    failed = {"correct": None, "failure": "engine_error"}
    rows += [row | failed for row in _rows("teacher", 0, 100)[10:]]
    rows = [
        row | failed if row["task_id"].endswith("0001/student_after/0") else row for row in rows
    ]
    text = _text(rows)
    lines = {line.split("│")[1].strip(): line for line in text.splitlines() if "%  [" in line}
    for name, n in (("student before", 100), ("student after", 99), ("teacher", 10)):
        assert f"n={n}" in lines[name]
    assert "test (n=" not in text
    assert "teacher, test: 90 problems without a verdict, not in its n" in text
    assert "1 not compared, without a verdict of both" in " ".join(text.split())


def test_models_without_any_verdict_are_not_said_to_have_learned_or_not() -> None:
    failed = [row | {"correct": None} for row in _of(0, 0)]
    text = _text(failed)
    assert "student after against before, test: no problem has a verdict of both; 100 not" in text
    assert "Whether the student learned is unknown: no problem has a verdict of both." in text


def test_comparisons_of_several_tasks_are_marked() -> None:
    text = " ".join(_text([*_of(40, 46), *_of(30, 30, task="logic")]).split())
    assert "6 gained, 0 lost of 100, p=0.031, 0.062 as one of 2 comparisons)" in text
    assert "comparisons" not in _text(_of(40, 46))


def test_pass_and_majority_at_k_have_lines() -> None:
    rows = [
        row | {"sample_index": sample, "task_id": f"{row['task_id']}{sample}"}
        for row in _rows("teacher", 30, 10)
        for sample in range(2)
    ]
    text = _text(rows)
    low, high = wilson(30, 40)
    for name in ("pass@2", "majority@2"):
        assert f"teacher, test: {name} 75.0%  [{100 * low:.1f}, {100 * high:.1f}] of 40" in text


def test_a_fall_back_to_the_student_before_is_said() -> None:
    rounds = {"rounds": ROUNDS["rounds"] | {"best": 0}}
    text = " ".join(_text(_of(40, 40), STAGES | rounds).split())
    assert "student after is the one before training" in text
    assert "The student is the one before training: no round solved more held-out problems." in text


def test_the_student_after_sft_is_compared_too() -> None:
    text = _text([*_of(40, 75), *_rows("student_sft", 70, 30)])
    assert "student after against after sft, test: +5.0 points" in text
    assert LABELS["student_sft"] in text


ROUNDS = {
    "stages": {
        "pairs": {"rows_out": 1_000, "supervised": 50},
        "rounds/02/pairs": {"rows_out": 234, "supervised": 6},
        "rounds/03/pairs": {"rows_out": 5_000, "supervised": 5_000},
    },
    "rounds": {
        "heldout": 200,
        "students": [{"accuracy": 0.4}, {"accuracy": 0.65}, {"accuracy": 0.7}, {"accuracy": 0.69}],
        "best": 2,
        "stopped": "the gain of round 3 is within noise",
    },
}


def test_rounds_are_listed_between_before_and_after_in_order() -> None:
    rows = [*_of(40, 75), *_rows("teacher", 9, 1), *_rows("student_sft", 70, 30)]
    for number in (10, 2, 1):
        rows += _rows(f"student_round_{number}", 70 + number, 30 - number)
    lines = [line for line in _text(rows).splitlines() if "%  [" in line]
    assert [line.split("│")[1].strip() for line in lines] == [
        "student before",
        "student after sft",
        "student round 1",
        "student round 2",
        "student round 10",
        "student after",
        "teacher",
    ]


def test_rounds_have_a_line_and_their_training_data_is_counted() -> None:
    text = " ".join(_text(_of(40, 75), ROUNDS).split())
    assert (
        "rounds: the gain of round 3 is within noise; of 200 held-out problems, the students "
        "before and after each round solve 40.0%, 65.0%, 70.0%, 69.0%; student after is "
        "that of round 2"
    ) in text
    assert "from 1,234 pairs and 56 correct chains." in text
    assert "rounds" not in _text(_of(40, 75))


def test_paths_are_printed_for_any_name_of_the_run_directory() -> None:
    text = _text(_of(1, 2))
    assert "runs/[x]/student" in text
    assert "python -m pipeline show runs/[x] --mask" in text


def test_a_run_without_the_student_still_has_a_table() -> None:
    text = _text(_rows("teacher", 3, 1), {})
    assert "75.0%" in text
    assert "learned" not in text


def test_an_empty_evaluation_is_reported_without_a_crash() -> None:
    assert "student" in _text([])


def test_several_tasks_have_their_own_columns_and_comparisons() -> None:
    rows = [
        *_of(40, 75),
        *_of(30, 60, task="logic"),
        *_rows("student_after", 5, 15, "ood", task="logic"),
    ]
    text = _text(rows)
    assert "test (n=200)" in text
    heading = next(line for line in text.splitlines() if "test/arithmetic (n=100)" in line)
    assert heading.index("test/arithmetic") < heading.index("test/logic (n=100)")
    assert heading.index("test/logic") < heading.index("ood/logic (n=20)")
    low, high = wilson(60, 100)
    assert f"60.0%  [{100 * low:.1f}, {100 * high:.1f}]" in text
    assert "student after against before, test: +32.5 points" in text
    assert "student after against before, test/logic: +30.0 points" in text
    assert "test/arithmetic (n" not in _text(_of(40, 75))  # there is only one task


def test_correct_answers_without_a_successful_call_are_counted_by_task() -> None:
    def step(name: str, result: ToolResult | None) -> dict[str, Any]:
        return step_row(Step(f"{name}()", ToolCall(name, {}, f"{name}()"), result))

    failed = ToolResult(False, "no", "function_error")
    with_call = [step("entails", ToolResult(True, "True")), step("answer", None)]
    without_call = [
        step("entails", failed),
        step("think", ToolResult(True, "Noted.")),
        step_row(Step("True", None, failed)),
        step("answer", None),
    ]
    rows = _rows("student_after", 5, 2, task="logic")
    for row, steps in zip(
        rows,
        (without_call, without_call, with_call, with_call, with_call, without_call),
        strict=False,
    ):
        row["steps"] = steps
    text = _text(rows)
    assert "student after, test/logic: 2 of 5 correct answers without a successful call" in text

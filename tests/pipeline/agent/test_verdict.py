from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.agent.verdict import answer_value, judge, same_answer
from pipeline.records import Chain, Problem, Step, Verdict
from toolsets import ToolCall, ToolResult
from toolsets.tools.numbers import write_number

PROBLEM = Problem("p", "arithmetic", "How many?", "72", "test")
CHAIN = Chain("p/m/0", "p", "m", 0, 1, (), (), "answer", "72")
CALL = ToolCall("add", {"a": 1, "b": 2}, "add(a=1, b=2)")
FRACTIONS = st.fractions(-99_999, 99_999, max_denominator=1000)  # 15 digits determine them


def _step(result: ToolResult) -> Step:
    return Step(CALL.raw, CALL, result)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ("72", "72"),
        ("72.0", "72"),
        ("72.", "72"),
        (" 72\n", "72"),
        ("+72", "72"),
        ("1,200", "1200"),
        ("1,234,567.50", "1234567.5"),
        ("$1,200", "1200"),
        ("$ 1,200", "1200"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("5€", "5"),
        ("£5", "£5.00"),
        ("20%", "20"),
        ("20 %", "20"),
        (".5", "0.5"),
        ("1/4", "0.25"),
        ("\N{MINUS SIGN}5", "-5"),
        ("3.33333333333333", "10/3"),
    ],
)
def test_equal_numbers_are_the_same_answer(got: str, expected: str) -> None:
    assert same_answer(got, expected)
    assert same_answer(expected, got)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ("71", "72"),
        ("-72", "72"),
        ("3.33", "10/3"),
        ("20%", "0.2"),
        ("1,20", "120"),
        ("12,34", "1234"),
        ("$20", "20%"),
        ("€20", "$20"),
        ("", "72"),
        ("--5", "5"),
        ("1e9999", "72"),
    ],
)
def test_different_numbers_are_not_the_same_answer(got: str, expected: str) -> None:
    assert not same_answer(got, expected)
    assert not same_answer(expected, got)


@pytest.mark.parametrize(
    ("got", "expected", "tolerance", "same"),
    [
        ("101", "100", 0.01, True),  # |1| <= 0.01 * 100
        ("101.001", "100", 0.01, False),
        ("0.11", "0.1", 0.01, True),  # below 1 the tolerance is absolute: 0.01 <= 0.01 exactly
        ("0.1100001", "0.1", 0.01, False),
        ("-99", "-100", 0.01, True),
        ("3.33", "10/3", 0.001, True),  # 1/300 against 1/300: 0.001 * 10/3, equality counts
    ],
)
def test_tolerance_is_relative_above_one_and_absolute_below(
    got: str, expected: str, tolerance: float, same: bool
) -> None:
    assert same_answer(got, expected, tolerance) is same


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ("true", "True"),
        ("  UNCERTAIN ", "Uncertain"),
        ("Unknown", "Uncertain"),
        ("uncertain", "Unknown"),
        ("New \n York", "new york"),
    ],
)
def test_texts_are_compared_without_case_and_spacing(got: str, expected: str) -> None:
    assert same_answer(got, expected)


def test_different_texts_are_not_the_same_answer() -> None:
    assert not same_answer("True", "False")
    assert not same_answer("1", "True")


@given(FRACTIONS)
def test_a_written_number_equals_its_fraction(value: Fraction) -> None:
    ratio = f"{value.numerator}/{value.denominator}"
    assert same_answer(write_number(value), ratio)
    assert answer_value(f"${write_number(value)}") == value


@given(FRACTIONS, FRACTIONS)
def test_two_written_numbers_are_the_same_answer_only_if_equal(
    one: Fraction, other: Fraction
) -> None:
    assert same_answer(write_number(one), write_number(other)) is (one == other)


@given(st.text(), st.text())
def test_any_text_can_be_compared_in_either_order(one: str, other: str) -> None:
    assert same_answer(one, one)
    assert same_answer(one, other) is same_answer(other, one)


def test_an_equal_answer_is_correct() -> None:
    chain = replace(CHAIN, answer="$72.00")
    assert judge(chain, PROBLEM) == Verdict("p/m/0", True, "72", "$72.00", None)


def test_the_verdict_on_an_incorrect_answer_has_the_expected_and_given_answers() -> None:
    chain = replace(CHAIN, answer="71")
    assert judge(chain, PROBLEM) == Verdict("p/m/0", False, "72", "71", "wrong_answer")
    assert judge(chain, PROBLEM, tolerance=0.1).correct is True


@pytest.mark.parametrize("answer", [None, "", "  "])
def test_a_missing_or_blank_answer_fails_as_no_answer(answer: str | None) -> None:
    verdict = judge(replace(CHAIN, answer=answer), PROBLEM)
    assert (verdict.correct, verdict.failure) == (False, "no_answer")


def test_an_engine_error_is_neither_correct_nor_incorrect() -> None:
    chain = replace(CHAIN, stop_reason="engine_error", answer=None, error="died")
    assert judge(chain, PROBLEM) == Verdict("p/m/0", None, "72", None, "engine_error")


@pytest.mark.parametrize("reason", ["max_steps", "max_failures", "context_full"])
@pytest.mark.parametrize(
    "kind",
    ["unparseable_call", "unknown_function", "bad_arguments", "function_error", "limit_exceeded"],
)
def test_a_chain_that_ends_with_a_failed_call_has_the_failure_of_that_call(reason, kind) -> None:
    steps = (_step(ToolResult(True, "3")), _step(ToolResult(False, "no", kind)))
    verdict = judge(replace(CHAIN, stop_reason=reason, answer=None, steps=steps), PROBLEM)
    assert (verdict.correct, verdict.failure) == (False, kind)


@pytest.mark.parametrize("reason", ["max_steps", "context_full"])
def test_a_chain_that_corrected_its_call_fails_by_the_limit(reason) -> None:
    steps = (_step(ToolResult(False, "no", "bad_arguments")), _step(ToolResult(True, "3")))
    chain = replace(CHAIN, stop_reason=reason, answer=None, steps=steps)
    assert judge(chain, PROBLEM).failure == reason
    assert judge(replace(chain, steps=()), PROBLEM).failure == reason


def test_an_answer_after_failed_calls_is_judged_by_the_answer() -> None:
    steps = (_step(ToolResult(False, "no", "bad_arguments")), Step("answer(value=72)", None, None))
    assert judge(replace(CHAIN, steps=steps), PROBLEM).correct is True

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from pipeline.agent.verdict import judge, kind, same_answer, units_of
from tests.pipeline.agent.test_verdict import CHAIN, PROBLEM
from tests.pipeline.agent.verdict import rows


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        *rows.SAME_NUMBERS,
        *rows.SAME_WITH_UNITS,
        *rows.SAME_UNITS,
        *rows.SAME_LABELS,
        *rows.SAME_SEQUENCES,
        *rows.SAME_EXPRESSIONS,
    ],
)
def test_two_writings_of_one_answer_are_the_same(got: str, expected: str) -> None:
    assert same_answer(got, expected)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        *rows.DIFFERENT_NUMBERS,
        *rows.DIFFERENT_UNITS,
        *rows.NO_UNIT_AFTER_A_NUMBER,
        *rows.DIFFERENT_TEXTS,
        *rows.DIFFERENT_SEQUENCES,
        *rows.DIFFERENT_EXPRESSIONS,
    ],
)
def test_near_misses_are_not_the_same_in_either_order(got: str, expected: str) -> None:
    assert not same_answer(got, expected)
    assert not same_answer(expected, got)


@pytest.mark.parametrize(("got", "expected"), rows.SAME_NUMBERS)
def test_writings_of_numbers_are_the_same_with_strict_units(got: str, expected: str) -> None:
    assert same_answer(got, expected, units="strict")


@pytest.mark.parametrize(
    ("got", "expected"), [("12 apples", "12"), ("12", "12 apples"), ("$12 per hour", "$12")]
)
def test_words_after_a_number_count_with_strict_units(got: str, expected: str) -> None:
    assert same_answer(got, expected)
    assert not same_answer(got, expected, units="strict")


def test_the_tolerance_holds_for_constants_too() -> None:
    assert same_answer("1.414", "sqrt(2)", tolerance=0.001)
    assert not same_answer("1.41", "sqrt(2)", tolerance=0.001)


def test_units_are_ignored_by_default_where_every_gold_is_a_bare_number() -> None:
    assert units_of(["12", "1,200", "1/2"]) == "ignore"
    assert units_of(["12", "5 km"]) == "strict"
    assert units_of(["12", "20%"]) == "strict"
    assert units_of(["12", "True"]) == "strict"


def test_a_verdict_follows_the_rule_for_units() -> None:
    chain = replace(CHAIN, answer="72 apples")
    assert judge(chain, PROBLEM).correct is True
    assert judge(chain, PROBLEM, units="strict").failure == "wrong_answer"


@pytest.mark.parametrize(
    ("gold", "expected"),
    [
        *[("12", "number"), ("12 km", "number"), (r"\frac{1}{2}", "number"), ("$12", "number")],
        *[("True", "label"), ("no", "label"), ("Unknown", "label"), ("(B)", "label")],
        *[("x^2 + 1", "expression"), ("{1, 2}", "expression"), ("(1, x)", "expression")],
        *[("x = 5", "expression"), ("sqrt(2)", "expression"), ("Paris", "other"), ("", "other")],
        *[("12 apples and 5 pears", "other"), ("2024-03-05", "other")],
    ],
)
def test_the_kind_of_a_gold_answer(gold: str, expected: str) -> None:
    assert kind(gold) == expected


def test_plain_answers_are_judged_without_sympy() -> None:
    program = (
        "import sys; from pipeline.agent.verdict import same_answer as s; "
        "print(s('$1,200', '1200'), s('12 apples', '12'), s('3.33', '10/3'), s('Paris', 'True'), "
        "'sympy' in sys.modules)"
    )
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert made.stdout.split() == ["True", "True", "False", "False", "False"], made.stderr

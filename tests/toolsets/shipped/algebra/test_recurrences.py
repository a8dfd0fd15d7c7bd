"""Recurrences: terms and formulas, against loops in Python."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolsets
from tests.toolsets.shipped import texts
from toolsets.shipped.algebra.symbolic import build, read_expression

ALGEBRA = toolsets.load("algebra")
result, failure = partial(texts.result, ALGEBRA), partial(texts.failure, ALGEBRA)


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        ("'a(n) = a(n-1) + a(n-2)', ['a(1) = 1', 'a(2) = 1'], 20", "6765"),
        ("'a(n+1) = 2a(n) + 3', 'a(1) = 1', 10", "2045"),  # 4 * 2**9 - 3
        ("'a(n) = n*a(n-1)', 'a(0) = 1', 10", "3628800"),
        ("'a(n) = a(n-1)/2 + 1/3', 'a(0) = 1', 3", "17/24 ≈ 0.708333333333333"),
        ("'a(n) = a(n-1)^2 + 1', 'a(0) = 1', 4", "677"),
        ("'a(n) = 2a(n-1)', 'a(1) = 1, a(2) = 2', 10", "512"),
        ("'a(n) = a(n//2) + 1', 'a(1) = 0', 100", "6"),
        ("'a(n) = a(n-1) mod 7 + n', 'a(0) = 16', 3", "8"),
        ("'f(k) = f(k-1) + k^2', 'f(0) = 0', 10", "385"),
        ("'a(i) = a(i-1) + i', 'a(0) = 0', 3", "6"),
        ("'a(n) = sqrt(a(n-1))', 'a(0) = 16', 2", "2"),
        ("'a(n) = a(n-1) + 1', 'a(0) = 0', 2000", "2000"),
        ("'a(n) = -a(n-1)', 'a(-1) = 5', 0", "-5"),
    ],
)
def test_a_term_is_computed_exactly(arguments: str, content: str) -> None:
    assert result(f"recurrence_term({arguments})").content == content


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "'a(n) = 2a(n-1)', 'a(1) = 1, a(2) = 5', 9",
            "a(2) = 5 contradicts the rule, which gives 2 there",
        ),
        (
            "'a(n) = a(n-1) + a(n-2)', 'a(1) = 1', 9",
            "a(2) needs a(0); give the first terms in initial",
        ),
        ("'a(n) = a(n/2) + 1', 'a(1) = 0', 9", "a(3) needs a(3/2)"),
        ("'a(n) = a(n) + 1', 'a(5) = 0', 7", "a(6) needs a(6)"),
        ("'a(n) = a(n-1) + 1', 'a(5) = 0', 2", "n must be at least 5"),
        ("'a(n) = a(n-1)', 'a(1) = 0, a(1) = 1', 2", "a(1) has two values"),
        ("'a_n = a_{n-1} + 1', 'a(5) = 0', 7", "write a(n) for a_n and a(n-1) for a_{n-1}"),
        ("'a(n) = 1/a(n-1)', 'a(0) = 0', 7", "the expression divides by 0"),
        ("'a(n) = c*a(n-1)', 'a(1) = 2', 9", "c has no value"),
        ("'a(n) + 1 = a(n-1)', 'a(0) = 0', 9", "write a recurrence such as a(n) = 2*a(n-1) + 1"),
        ("'gamma(n) = gamma(n-1)', 'gamma(0) = 1', 9", "write a recurrence such as"),
        ("'a(2n) = a(n)', 'a(0) = 1', 9", "an index must be n plus or minus a whole number"),
        ("'a(n) = sqrt(a(n-1))', 'a(0) = 16', 3", "sqrt(2) is not a rational number"),
        ("'a(n) = a(n-1)', 'x', 9", "initial must be terms such as a(1) = 3"),
        ("'a(n) = a(n-1)', 'a(0.5) = 1', 9", "an index must be a whole number, got 1/2"),
    ],
)
def test_a_recurrence_that_gives_no_term_is_refused(arguments: str, message: str) -> None:
    assert message in failure(f"recurrence_term({arguments})")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        "'a(n) = a(n-1) + 1', 'a(0) = 0', 2001",
        "'a(n) = a(n-1) + 1', 'a(0) = 0', '10^100'",
        "'a(n) = a(n-1)^2 + 1', 'a(0) = 1', 18",
        "'a(n) = 9^a(n-1)', 'a(0) = 9', 5",
        "'a(n) = a(n-1)!', 'a(0) = 5', 9",
    ],
)
def test_terms_are_limited(arguments: str) -> None:
    assert failure(f"recurrence_term({arguments})")[0] == "limit_exceeded"


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        ("'a(n) = 2*a(n-1) + 1', 'a(0) = 0'", "a(n) = 2**n - 1"),
        ("'a(n+1) = 2*a(n) + 1', 'a(1) = 1'", "a(n) = 2**n - 1"),
        ("'a(n) = 5a(n-1) - 6a(n-2)', ['a(0) = 0', 'a(1) = 1']", "a(n) = -2**n + 3**n"),
        ("'a(n) = a(n-1) + n', 'a(0) = 0'", "a(n) = n*(n + 1)/2"),
        ("'a(n) = 2a(n-1) + 2^n', 'a(0) = 0'", "a(n) = 2**n*n"),
        ("'a(n) = 0.5a(n-1) + 3', 'a(0) = 1'", "a(n) = 6 - 5/2**n"),
        ("'a(n) = n^2 + 1', 'a(0) = 1'", "a(n) = n**2 + 1"),
    ],
)
def test_a_linear_recurrence_has_a_formula(arguments: str, content: str) -> None:
    assert result(f"solve_recurrence({arguments})").content == content


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'a(n) = n*a(n-1)', 'a(0) = 1'", "not linear with constant coefficients"),
        ("'a(n) = a(n-1)^2', 'a(0) = 1'", "not linear with constant coefficients"),
        ("'a(n) = a(n-1)*a(n-2)', 'a(0) = 1, a(1) = 1'", "not linear"),
        ("'a(n) = a(n-1) + a(n-2)', 'a(0) = 1'", "a(1) needs a(-1)"),
        ("'a(n) = a(n-1) + a(n-3)', 'a(0) = 1, a(1) = 1, a(2) = 1'", "no formula was found"),
        ("'a(n) = a(n-1) + 1/n', 'a(0) = 1'", "no formula was found"),
        ("'a(n) = 3a(n-2) + n*2^n', 'a(0) = 1, a(1) = 1'", "no formula was found"),
        ("'a(n) = a(n-9) + 1', 'a(0) = 1'", "the order 9 is above 4"),
        ("'a(n) = c a(n-1)', 'a(0) = 1'", "c has no value"),
        ("'a(n) = a(n+1)', 'a(0) = 1'", "must contain earlier terms of a only"),
    ],
)
def test_a_recurrence_without_a_formula_is_refused(arguments: str, message: str) -> None:
    assert message in failure(f"solve_recurrence({arguments})")[1]


SMALL = st.integers(-4, 4)


@settings(max_examples=15, deadline=None)
@given(SMALL, SMALL, SMALL, SMALL, SMALL)
def test_terms_and_formulas_agree_with_a_loop(p: int, q: int, r: int, a0: int, a1: int) -> None:
    values = [a0, a1]
    for n in range(2, 12):
        values.append(p * values[n - 1] + q * values[n - 2] + r * n)
    rule = f"'a(n) = ({p})a(n-1) + ({q})a(n-2) + ({r})*n', ['a(0) = {a0}', 'a(1) = {a1}']"
    assert result(f"recurrence_term({rule}, 11)").content == str(values[11])
    solved = ALGEBRA.execute(ALGEBRA.parse(f"solve_recurrence({rule})"))
    if not solved.ok:  # a double root 0, or the like
        assert "contradicts" in solved.content or "no formula" in solved.content
        return
    formula = build(read_expression(solved.content.removeprefix("a(n) = ")))
    for n in (0, 1, 2, 5, 11):
        assert abs(complex(formula.subs("n", n).evalf(30)) - values[n]) < Fraction(1, 10**6)

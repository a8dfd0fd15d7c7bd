"""Extrema of quotients of polynomials, by hand and against values on a grid."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolsets
from tests.toolsets.shipped import texts

ALGEBRA = toolsets.load("algebra")
MINIMUM = "local minimum ≈ -1.42695284110616 at x ≈ 1.16730397826142; "
LEAST_NONE = "local maximum 0 at x = 0; no least value; greatest value 0 at x = 0"
result, failure = partial(texts.result, ALGEBRA), partial(texts.failure, ALGEBRA)


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        (
            "'x**3 - 3*x', 'x', -3, 3",
            "local maximum 2 at x = -1; local minimum -2 at x = 1; "
            "least value -18 at x = -3; greatest value 18 at x = 3",
        ),
        (
            "'x**3 - 3*x', 'x'",
            "local maximum 2 at x = -1; local minimum -2 at x = 1; "
            "no least value; no greatest value",
        ),
        ("'x^2', 'x'", "local minimum 0 at x = 0; least value 0 at x = 0; no greatest value"),
        (
            "'x^2', 'x', '-oo', 'oo'",
            "local minimum 0 at x = 0; least value 0 at x = 0; no greatest value",
        ),
        ("'-x^2 + 4x', 'x'", "local maximum 4 at x = 2; no least value; greatest value 4 at x = 2"),
        ("'x^3', 'x'", "no least value; no greatest value"),
        ("'x', 'x', 0, 1", "least value 0 at x = 0; greatest value 1 at x = 1"),
        ("'x^2 - 2x', 'x', 1", "least value -1 at x = 1; no greatest value"),
        ("'1/x', 'x', 0, 2", "least value 1/2 = 0.5 at x = 2; no greatest value"),
        ("'1/x', 'x'", "no least value; no greatest value"),
        ("'-1/x^2', 'x', -1, 2", "no least value; greatest value -1/4 = -0.25 at x = 2"),
        (
            "'x + 1/x', 'x', 0",
            "local minimum 2 at x = 1; least value 2 at x = 1; no greatest value",
        ),
        # 0 is approached and never reached
        ("'1/(x^2+1)', 'x'", "local maximum 1 at x = 0; no least value; greatest value 1 at x = 0"),
        # there is no value where the denominator is 0, though it cancels
        ("'(x^2-1)/(x-1)', 'x', 0, 1", "least value 1 at x = 0; no greatest value"),
        ("'x^2*x/x', 'x', -1, 1", "no least value; greatest value 1 at x = -1 and x = 1"),
        ("'5', 'x'", "constant: the value is 5"),
        (
            "'x*(20-2x)^2', 'x', 0, 10",
            "local maximum 16000/27 ≈ 592.592592592593 at x = 10/3; "
            "least value 0 at x = 0 and x = 10; "
            "greatest value 16000/27 ≈ 592.592592592593 at x = 10/3",
        ),
    ],
)
def test_extrema_are_found(arguments: str, content: str) -> None:
    assert result(f"extrema({arguments})").content == content


def test_points_that_have_no_short_form_are_rounded() -> None:
    content = result("extrema('x^6/6 - x^2/2 - x', 'x')").content  # x^5 - x - 1 is 0 at 1.1673…
    assert content.startswith(MINIMUM)
    assert content.endswith("no greatest value")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'sin(x)', 'x'", "extrema are found for quotients of polynomials only"),
        ("'|x|', 'x'", "extrema are found for quotients of polynomials only"),
        ("'sqrt(x)^2', 'x'", "extrema are found for quotients of polynomials only"),
        ("'exp(ln(x))', 'x'", "extrema are found for quotients of polynomials only"),
        ("'x^(1/2)*x^(1/2)', 'x'", "extrema are found for quotients of polynomials only"),
        ("'2^x', 'x'", "extrema are found for quotients of polynomials only"),
        ("'x^2 + a x', 'x'", "the expression may contain no name other than x, got a"),
        ("'sqrt(2)*x^2', 'x'", "the coefficients must be rational numbers"),
        ("'x^2', 'x', 3, 1", "lower must be less than upper"),
        ("'x^2', 'x', 1, 1", "lower must be less than upper"),
        ("'x^2', 'x', 'sqrt(2)'", "a bound must be a rational number"),
        ("'x^2', 'x', 'oo'", "a bound must be a rational number"),
        ("'x^2 = 3', 'x'", "expected one expression without ="),
        ("'1/(x - x)', 'x'", "divides by 0"),
        ("'x^17', 'x'", "the degree 17 is above 16"),
    ],
)
def test_what_has_no_safe_answer_is_refused(arguments: str, message: str) -> None:
    assert message in failure(f"extrema({arguments})")[1]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(-5, 5), min_size=2, max_size=5),
    st.integers(-3, 3),
    st.sampled_from(["1", "x^2 + 1", "x - 5", "x + 2"]),
)
def test_no_value_on_a_grid_is_beyond_the_extremes(c: list[int], low: int, below: str) -> None:
    above = " + ".join(f"({a})x^{k}" for k, a in enumerate(c))
    high = low + 3
    content = result(f"extrema('({above})/({below})', 'x', {low}, {high})").content
    divisor = {"1": lambda x: 1, "x^2 + 1": lambda x: x * x + 1}.get(
        below, lambda x: x - 5 if below == "x - 5" else x + 2
    )
    grid = [low + Fraction(k, 40) for k in range(121)]
    values = [
        sum(a * x**k for k, a in enumerate(c)) / Fraction(divisor(x)) for x in grid if divisor(x)
    ]
    if content.startswith("constant"):
        assert len(set(values)) == 1
        return
    for kind, sign in (("least", -1), ("greatest", 1)):
        stated = re.search(rf"{kind} value (?:\S.*? )??(?:[=≈] )?(-?[\d.]+) at", content)
        if stated is None:
            assert f"no {kind} value" in content
            assert any(divisor(x) == 0 for x in grid)
            continue
        best = max(sign * value for value in values)
        assert 0 <= sign * float(stated[1]) - float(best) + 1e-9 < 0.3 * (1 + abs(float(best)))

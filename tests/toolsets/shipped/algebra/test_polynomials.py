"""Division of polynomials and partial fractions, checked by values at points."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import toolsets
from tests.toolsets.shipped import texts
from toolsets.shipped.algebra.symbolic import build, read_expression

ALGEBRA = toolsets.load("algebra")


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (
            "divide_polynomials('x**3 - 2*x + 5', 'x - 1', 'x')",
            "quotient x**2 + x - 1, remainder 4",
        ),
        ("divide_polynomials('x^2', '2x + 1', 'x')", "quotient x/2 - 1/4, remainder 1/4"),
        ("divide_polynomials('5', 'x', 'x')", "quotient 0, remainder 5"),
        ("divide_polynomials('x^2 + a x', 'x - a', 'x')", "quotient 2*a + x, remainder 2*a**2"),
        ("divide_polynomials('x^2 - 1', 'x + 1', 'x')", "quotient x - 1, remainder 0"),
        ("partial_fractions('(3*x + 5)/(x**2 - 1)', 'x')", "-1/(x + 1) + 4/(x - 1)"),
        ("partial_fractions('1/(x^3 + x)', 'x')", "-x/(x**2 + 1) + 1/x"),
        ("partial_fractions('x^3/(x^2 - 2)', 'x')", "x + 2*x/(x**2 - 2)"),
        ("partial_fractions('1/x + 1/(x+1)', 'x')", "1/(x + 1) + 1/x"),
        ("partial_fractions('x + 1', 'x')", "x + 1"),
        ("partial_fractions('1/(e^2 - e)', 'e')", "1/(e - 1) - 1/e"),
    ],
)
def test_polynomials_are_divided(text: str, content: str) -> None:
    assert texts.result(ALGEBRA, text).content == content


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("divide_polynomials('x^2', 'x - x', 'x')", "divisor must not be 0"),
        ("divide_polynomials('x^2', '0', 'x')", "divisor must not be 0"),
        ("divide_polynomials('sin(x)', 'x', 'x')", "dividend must be a polynomial in x"),
        ("divide_polynomials('x', '1/x', 'x')", "divisor must be a polynomial in x"),
        (
            "divide_polynomials('sqrt(2)*x^2', 'x', 'x')",
            "the coefficients of dividend must be rational numbers or names",
        ),
        ("divide_polynomials('x^2', 'x', 'y')", "y does not occur; the names are: x"),
        ("divide_polynomials('x^101', 'x', 'x')", "the degree 101 is above 100"),
        ("divide_polynomials('x^99', 'a x + b', 'x')", "the degree 99 is above 6"),
        ("divide_polynomials('x = 3', 'x', 'x')", "expected one expression without ="),
        ("partial_fractions('1/sin(x)', 'x')", "expression must be a quotient of polynomials in x"),
        ("partial_fractions('1/(x^40 - 1)', 'x')", "the denominator has a degree above 20"),
        ("partial_fractions('1/(x-a)^6', 'x')", "the denominator has a degree above 5"),
        ("partial_fractions('1/(x - x)', 'x')", "divides by 0"),
    ],
)
def test_what_is_no_polynomial_is_refused(text: str, message: str) -> None:
    assert message in texts.failure(ALGEBRA, text)[1]


COEFFICIENTS = st.lists(st.integers(-9, 9), min_size=1, max_size=5)


def polynomial(coefficients: list[int]) -> str:
    return " + ".join(f"({c})x^{power}" for power, c in enumerate(coefficients))


def value_at(text: str, x: int) -> Fraction:
    value = build(read_expression(text)).subs("x", x)
    return Fraction(int(value.p), int(value.q))


@settings(max_examples=40, deadline=None)
@given(COEFFICIENTS, COEFFICIENTS)
def test_quotient_times_divisor_plus_remainder_is_the_dividend(a: list[int], b: list[int]) -> None:
    assume(any(b))
    content = texts.result(
        ALGEBRA, f"divide_polynomials('{polynomial(a)}', '{polynomial(b)}', 'x')"
    ).content
    quotient, remainder = content.removeprefix("quotient ").split(", remainder ")
    for x in (-3, 0, 2, 11):
        product = value_at(quotient, x) * value_at(polynomial(b), x)
        assert product + value_at(remainder, x) == value_at(polynomial(a), x)


@settings(max_examples=30, deadline=None)
@given(COEFFICIENTS, st.lists(st.integers(-4, 4), min_size=1, max_size=4))
def test_partial_fractions_add_up_to_the_quotient(a: list[int], zeros: list[int]) -> None:
    below = "".join(f"(x - ({zero}))" for zero in zeros)
    whole = f"({polynomial(a)})/({below})"
    content = texts.result(ALGEBRA, f"partial_fractions('{whole}', 'x')").content
    for x in (-7, 5, 11):
        assert value_at(content, x) == value_at(whole, x)

"""Ratios and fractions in lowest terms, and products of lists."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped import texts
from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC, result


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("simplify_ratio(values=[12, 18])", "2:3"),
        ("simplify_ratio(values=[0.5, '1/3', 2])", "3:2:12"),
        ("simplify_ratio(values=[0, 5])", "0:1"),
        ("simplify_ratio(values=[7, 7, 7])", "1:1:1"),
        ("simplify_ratio(values=[1.5, 0.25])", "6:1"),
        ("to_fraction(value=0.375)", "3/8"),
        ("to_fraction(value=0.333333333333333)", "1/3"),
        ("to_fraction(value=0.333)", "333/1000"),
        ("to_fraction(value=-2.5)", "-5/2"),
        ("to_fraction(value='6/8')", "3/4"),
        ("to_fraction(value=4)", "4"),
        ("to_fraction(value=2.33333333333333)", "7/3"),
        ("multiply_all(values=[2, 3, 5])", "30"),
        ("multiply_all(values=[2, '1/7', 3.5])", "1"),
        ("multiply_all(values=[7])", "7"),
        ("multiply_all(values=[-2, 0])", "0"),
    ],
)
def test_a_ratio_fraction_or_product_is_exact(text: str, content: str) -> None:
    assert result(text).content == content


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("simplify_ratio(values=[0, 0])", "values must have a number above 0"),
        ("simplify_ratio(values=[-1, 2])", "values must have no number below 0"),
        ("simplify_ratio(values=[7])", "a ratio needs at least two numbers"),
        ("simplify_ratio(values='2:3')", "list"),
        ("to_fraction(value='a half')", "expected a number, got 'a half'"),
        (f"multiply_all(values={[10**600, 10**600]})", "more than 1,000 digits"),
    ],
)
def test_a_bad_ratio_fraction_or_product_is_refused(text: str, message: str) -> None:
    assert message in texts.failure(ARITHMETIC, text)[1]


@given(st.lists(st.fractions(0, 1000, max_denominator=60), min_size=2, max_size=6))
def test_a_ratio_is_in_lowest_terms_and_proportional(values: list[Fraction]) -> None:
    values = [*values, Fraction(1)]
    parts = [int(part) for part in ARITHMETIC["simplify_ratio"](values).split(":")]
    assert math.gcd(*parts) == 1
    assert [part * values[-1] for part in parts] == [value * parts[-1] for value in values]


@given(st.fractions())
def test_a_fraction_is_pythons(value: Fraction) -> None:
    assert Fraction(ARITHMETIC["to_fraction"](value)) == value


@given(st.lists(st.fractions(-100, 100, max_denominator=50), min_size=1, max_size=20))
def test_a_product_is_pythons(values: list[Fraction]) -> None:
    assert ARITHMETIC["multiply_all"](values) == math.prod(values)

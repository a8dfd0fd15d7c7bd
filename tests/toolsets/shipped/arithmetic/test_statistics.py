"""Median, mode and standard deviation, against Python's `statistics`."""

from __future__ import annotations

import statistics
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped import texts
from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC
from toolsets import ToolResult

VALUES = st.lists(st.fractions(-1000, 1000, max_denominator=100), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("median(values=[5, 1, 9, 7])", "6"),
        ("median(values=[5, 1, 9])", "5"),
        ("median(values=[1, '1/3', 0.5])", "0.5"),
        ("median(values=[4])", "4"),
        ("mode(values=[2, 3, 3, 5])", "3"),
        ("mode(values=[0.5, '1/2', 3])", "0.5"),
        ("mode(values=[2, 1, 1, 2])", "[1, 2]"),
        ("mode(values=[1, 2])", "no mode: every number occurs once"),
        ("mode(values=[4])", "4"),
        ("standard_deviation(values=[2, 4, 4, 4, 5, 5, 7, 9], kind='population')", "2"),
        ("standard_deviation([2, 4, 4, 4, 5, 5, 7, 9], 'sample')", "2.1380899352994"),
        ("standard_deviation(values=[1, 2, 3], kind='sample')", "1"),
        ("standard_deviation(values=[7], kind='population')", "0"),
        ("standard_deviation(values=['1/3', '1/3'], kind='sample')", "0"),
    ],
)
def test_a_list_has_its_statistics(text: str, content: str) -> None:
    assert texts.result(ARITHMETIC, text) == ToolResult(True, content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("standard_deviation(values=[2, 4])", "argument kind is missing"),
        ("standard_deviation(values=[2, 4], kind='both')", "'population' or 'sample'"),
        ("standard_deviation(values=[2], kind='sample')", "must have at least two numbers"),
        ("median(values=[])", "at least 1 item"),
        ("mode(values=['a'])", "expected a number, got 'a'"),
    ],
)
def test_bad_statistics_are_refused(text: str, message: str) -> None:
    assert message in texts.failure(ARITHMETIC, text)[1]


def test_squares_of_long_numbers_are_limited() -> None:
    text = f"standard_deviation(values=[{10**900}, 0], kind='population')"
    assert texts.failure(ARITHMETIC, text)[0] == "limit_exceeded"


@given(VALUES)
def test_median_and_modes_agree_with_python(values: list[Fraction]) -> None:
    assert ARITHMETIC["median"](values) == statistics.median(values)
    modes = sorted(statistics.multimode(values))
    found = ARITHMETIC["mode"](values)
    if len(modes) == len(values) > 1:
        assert found == "no mode: every number occurs once"
    else:
        assert found == (modes[0] if len(modes) == 1 else modes)


@given(VALUES, st.sampled_from(["population", "sample"]))
def test_standard_deviations_agree_with_python(values: list[Fraction], kind: str) -> None:
    values = [*values, Fraction(1)]
    variance = statistics.pvariance if kind == "population" else statistics.variance
    found = ARITHMETIC["standard_deviation"](values, kind)
    expected = Decimal(variance(values).numerator) / Decimal(variance(values).denominator)
    assert abs(float(found) - float(expected.sqrt())) <= 1e-12 * float(found)

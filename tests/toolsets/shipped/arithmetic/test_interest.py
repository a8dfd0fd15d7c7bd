"""Simple and compound interest, by hand and by adding each period's interest."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped import texts
from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC, result
from toolsets.tools.numbers import write_number


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("simple_interest(1000, 5, 3)", "interest 150, amount 1150"),
        ("simple_interest(1000, '5%', 0.5)", "interest 25, amount 1025"),
        ("simple_interest(1000, 0, 3)", "interest 0, amount 1000"),
        (
            "simple_interest(900, '1/3', years=1)",
            "interest 3, amount 903",
        ),
        ("compound_interest(1000, 10, 2)", "interest 210, amount 1210"),
        ("compound_interest(1000, '10 %', 2)", "interest 210, amount 1210"),
        ("compound_interest(1000, 5, 1.5, 2)", "interest 76.890625, amount 1076.890625"),
        ("compound_interest(1000, 5, 0)", "interest 0, amount 1000"),
        ("compound_interest(1000, -100, 2)", "interest -1000, amount 0"),
        # 360 months: exact, though the fraction has more than 1,000 digits
        (
            "compound_interest(200000, 6.5, 30, 12)",
            "interest 1198359.59477347, amount 1398359.59477347",
        ),
    ],
)
def test_interest_is_computed(text: str, content: str) -> None:
    assert result(text).content == content


@pytest.mark.parametrize(
    ("text", "message", "kind"),
    [
        ("simple_interest(1000, 5, -1)", "years must be 0 or more, got -1", "function_error"),
        ("simple_interest(1000, -101, 1)", "must be at least -100, got -101", "function_error"),
        ("simple_interest(1000, 'five', 1)", "expected a number, got 'five'", "bad_arguments"),
        (
            "compound_interest(1000, 5, 1.5)",
            "years * times_per_year must be a whole number of periods, got 1.5",
            "function_error",
        ),
        ("compound_interest(1000, 5, 2, 0)", "times_per_year must be at least 1", "function_error"),
        ("compound_interest(1000, 5, 1000000)", "too many periods", "limit_exceeded"),
        ("compound_interest(1000, 5000, 1000)", "more than 1,000 digits", "limit_exceeded"),
        ("compound_interest(1000, -99, 1000)", "more than 1,000 digits", "limit_exceeded"),
    ],
)
def test_bad_interest_is_refused(text: str, message: str, kind: str) -> None:
    failed = texts.failure(ARITHMETIC, text)
    assert failed[0] == kind
    assert message in failed[1]


@given(
    st.integers(1, 10**6),
    st.fractions(-50, 50, max_denominator=100),
    st.integers(0, 20),
    st.sampled_from([1, 2, 4, 12]),
)
def test_compound_interest_adds_the_interest_of_each_period(
    principal: int, percent: Fraction, years: int, times: int
) -> None:
    amount = Fraction(principal)
    for _ in range(years * times):
        amount += amount * percent / 100 / times
    found = ARITHMETIC["compound_interest"](Fraction(principal), percent, Fraction(years), times)
    written = Fraction(found.rpartition(" ")[2])
    assert abs(written - amount) <= abs(amount) / 10**14
    if len(str(amount.denominator)) < 200:
        assert found.endswith(f"amount {write_number(amount)}")

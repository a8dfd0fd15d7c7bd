from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC, failure, result
from toolsets import CallError, LimitExceeded, ToolResult
from toolsets.shipped.arithmetic.lists import MOST_VALUES

NUMBERS = st.lists(st.fractions(), min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("total(values=[2, 3, 5])", "10"),
        ("total(values=[0.1, '1,200', '1/3', -1])", "1199.43333333333"),
        ("total([7])", "7"),
        ("average(values=[2, 3, 7])", "4"),
        ("average(values=[1, 2])", "1.5"),
        ("average(values=[10, 0, 0])", "3.33333333333333"),
        ("minimum(values=[5, 2, 9])", "2"),
        ("minimum(values=['1/3', 0.33])", "0.33"),
        ("maximum(values=[5, 2, 9])", "9"),
        ("maximum(values=[-5])", "-5"),
        ("share(amount=60, ratio=[2, 3])", "[24, 36]"),
        (
            "share(amount=100, ratio=[1, 1, 1])",
            "[33.3333333333333, 33.3333333333333, 33.3333333333333]",
        ),
        ("share(amount=-9, ratio=[0.5, 0, 1])", "[-3, 0, -6]"),
    ],
)
def test_a_call_returns_its_exact_result(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("share(amount=1, ratio=[2, -1])", "share: ratio must have no number below 0"),
        ("share(amount=1, ratio=[0, 0])", "share: ratio must have a number above 0"),
    ],
)
def test_the_message_of_a_failure_is_exact(text: str, message: str) -> None:
    assert result(text) == failure(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "total(values=[])",
            "total: argument values: list should have at least 1 item after validation, not 0, "
            "got []. Use: total(values: list of number)",
        ),
        (
            "average(values=[1, 'two'])",
            "average: argument values.1: expected a number, got 'two'. "
            "Use: average(values: list of number)",
        ),
        (
            "maximum(values=3)",
            "maximum: argument values: input should be a valid list, got 3. "
            "Use: maximum(values: list of number)",
        ),
    ],
)
def test_the_message_for_a_bad_argument_is_exact(text: str, message: str) -> None:
    with pytest.raises(CallError) as caught:
        ARITHMETIC.parse(text)
    assert (str(caught.value), caught.value.kind) == (message, "bad_arguments")


def test_the_length_of_a_list_is_limited() -> None:
    assert result(f"total(values={[1] * MOST_VALUES})").content == str(MOST_VALUES)
    with pytest.raises(CallError) as caught:
        ARITHMETIC.parse(f"total(values={[1] * (MOST_VALUES + 1)})")
    message = "total: argument values: list should have at most 1000 items after validation"
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["total", "average"])
def test_a_sum_stops_at_the_digit_limit(name: str) -> None:
    parts = [Fraction(1, 10**300 + odd) for odd in range(1, 21, 2)]
    with pytest.raises(LimitExceeded, match=r"^the number has more than 1,000 digits$"):
        ARITHMETIC[name]([*parts, *(-part for part in parts)])


@given(NUMBERS)
def test_the_average_is_between_the_extremes_and_gives_the_total(
    values: list[Fraction],
) -> None:
    least, mean, most = (ARITHMETIC[name](values) for name in ("minimum", "average", "maximum"))
    assert least <= mean <= most
    assert {least, most} <= set(values)
    assert mean * len(values) == ARITHMETIC["total"](values) == sum(values)


@given(st.fractions(), st.lists(st.fractions(0, 100), min_size=1, max_size=6).filter(any))
def test_shares_add_up_to_the_amount_in_the_given_ratio(
    amount: Fraction, ratio: list[Fraction]
) -> None:
    shares = ARITHMETIC["share"](amount, ratio)
    assert sum(shares) == amount
    assert all(
        part * sum(ratio) == amount * weight for part, weight in zip(shares, ratio, strict=True)
    )

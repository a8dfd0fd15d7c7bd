from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC, failure, result
from toolsets import CallError, ToolResult

MODES = ("half_up", "half_even", "up", "down", "floor", "ceiling")


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("round_number(value=3.456, digits=2)", "3.46"),
        ("round_number(value=2.5)", "3"),
        ("round_number(value=-2.5)", "-3"),
        ("round_number(value=1.005, digits=2)", "1.01"),
        ("round_number(value=1250, digits=-2)", "1300"),
        ("round_number(value=1250, digits=-2, mode='half_even')", "1200"),
        ("round_number(value=3.5, mode='half_even')", "4"),
        ("round_number(value=2.01, mode='up')", "3"),
        ("round_number(value=-2.01, mode='up')", "-3"),
        ("round_number(value=2.99, mode='down')", "2"),
        ("round_number(value=-2.99, mode='down')", "-2"),
        ("round_number(value=-2.1, mode='floor')", "-3"),
        ("round_number(value=-2.9, mode='ceiling')", "-2"),
        ("round_number(value=0.126, digits=2, mode='floor')", "0.12"),
        ("round_number(value='1/3', digits=2, mode='ceiling')", "0.34"),
    ],
)
def test_a_number_is_rounded(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


@pytest.mark.parametrize("digits", [101, -101, 10**12])
def test_digits_are_limited(digits: int) -> None:
    message = "round_number: digits must be between -100 and 100"
    assert result(f"round_number(value=1, digits={digits})") == failure(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "value=2, digits=0.5",
            "round_number: argument digits: input should be a valid integer, got a number with a "
            "fractional part, got 0.5. Use: round_number(",
        ),
        (
            "value=2, mode='half_down'",
            "round_number: argument mode: input should be 'half_up', 'half_even', 'up', 'down', "
            "'floor' or 'ceiling', got 'half_down'. Use: round_number(",
        ),
    ],
)
def test_the_message_for_a_bad_argument_is_exact(arguments: str, message: str) -> None:
    with pytest.raises(CallError) as caught:
        ARITHMETIC.parse(f"round_number({arguments})")
    assert str(caught.value).startswith(message)
    assert caught.value.kind == "bad_arguments"


@given(st.decimals(-(10**6), 10**6, places=4), st.integers(-3, 4), st.sampled_from(MODES))
def test_every_mode_agrees_with_decimal(value: Decimal, digits: int, mode: str) -> None:
    expected = value.quantize(Decimal(1).scaleb(-digits), getattr(decimal, f"ROUND_{mode.upper()}"))
    assert ARITHMETIC["round_number"](Fraction(value), digits, mode) == Fraction(expected)


@given(st.fractions(-(10**6), 10**6), st.integers(-3, 6))
def test_rounding_changes_a_number_by_at_most_half_a_step(value: Fraction, digits: int) -> None:
    rounded = ARITHMETIC["round_number"](value, digits)
    step = Fraction(10) ** -digits
    assert (rounded / step).denominator == 1
    assert abs(rounded - value) <= step / 2
    assert ARITHMETIC["round_number"](-value, digits) == -rounded

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC, failure, result
from toolsets import ToolCall, ToolResult
from toolsets.errors import ErrorKind
from toolsets.tools.numbers import write_number

DECIMALS = st.decimals(-(10**6), 10**6, places=3).map(str)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("add(a=2, b=3)", "5"),
        ("add(a=0.1, b=0.2)", "0.3"),
        ("add(a='1/3', b='1/6')", "0.5"),
        ("add(a=.5, b=9.00)", "9.5"),
        ("add(a=+2, b=-3)", "-1"),
        ("subtract(a=7, b=4)", "3"),
        ("subtract(a=1, b=0.9)", "0.1"),
        ("multiply(a=6, b=4)", "24"),
        ("multiply(a=3.33333333333333, b=3)", "10"),
        ("multiply(a='1,200', b=-0.5)", "-600"),
        ("divide(a=9, b=4)", "2.25"),
        ("divide(a=10, b=3)", "3.33333333333333"),
        ("divide(a=-2, b=3)", "-0.666666666666667"),
        ("percent_of(percent=15, value=80)", "12"),
        ("percent_of(percent=33.3, value=10)", "3.33"),
        ("integer_divide(a=17, b=5)", "3"),
        ("integer_divide(a=-17, b=5)", "-4"),
        ("integer_divide(a=7.5, b=2)", "3"),
        ("remainder(a=17, b=5)", "2"),
        ("remainder(a=-17, b=5)", "3"),
        ("remainder(a=7.5, b=2)", "1.5"),
        ("power(base=2, exponent=10)", "1024"),
        ("power(base=2, exponent=-2)", "0.25"),
        ("power(base=0, exponent=0)", "1"),
        ("power(base=0, exponent=1000000000)", "0"),
        ("power(base=-1, exponent=1000000001)", "-1"),
        ("power(base=-1, exponent=-3)", "-1"),
        ("absolute(value=-7)", "7"),
        ("absolute(value='1/3')", "0.333333333333333"),
        ("compare(a=7, b=4)", "7 is greater than 4 by 3"),
        ("compare(a='1/3', b=0.5)", "0.333333333333333 is less than 0.5 by 0.166666666666667"),
        ("compare(a='1/2', b=0.50)", "0.5 is equal to 0.5"),
        ("percentage(part=12, whole=80)", "15"),
        ("percentage(part=1, whole=3)", "33.3333333333333"),
        ("percentage(part=-5, whole=4)", "-125"),
        ("percent_change(old=80, new=100)", "25"),
        ("percent_change(old=100, new=80)", "-20"),
        ("percent_change(old=-50, new=-25)", "50"),
        ("percent_change(old=3, new=0)", "-100"),
    ],
)
def test_a_call_returns_its_exact_result(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("divide(a=1, b=0)", "divide: b must not be 0"),
        ("integer_divide(a=1, b=0)", "integer_divide: b must not be 0"),
        ("remainder(a=1, b=0)", "remainder: b must not be 0"),
        ("power(base=2, exponent=0.5)", "power: exponent must be a whole number"),
        ("power(base=0, exponent=-1)", "power: 0 cannot be raised to a negative exponent"),
        ("percentage(part=1, whole=0)", "percentage: whole must not be 0"),
        ("percent_change(old=0, new=1)", "percent_change: old must not be 0"),
    ],
)
def test_the_message_of_a_failure_is_exact(text: str, message: str) -> None:
    assert result(text) == failure(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("power(base=2, exponent=1000000000000)", "power: the result has more than 1,000 digits"),
        ("power(base=10, exponent=1200)", "power: the result has more than 1,000 digits"),
        (
            f"multiply(a=1{'0' * 600}, b=1{'0' * 600})",
            "multiply: the number has more than 1,000 digits",
        ),
        (
            f"compare(a='1/7{'0' * 600}', b='1/3{'1' * 600}')",
            "compare: the number has more than 1,000 digits",
        ),
    ],
)
def test_a_result_over_the_digit_limit_is_rejected(text: str, message: str) -> None:
    kind: ErrorKind = "limit_exceeded"
    assert result(text) == failure(message, kind)


@given(DECIMALS, DECIMALS)
def test_the_four_operations_agree_with_fractions(a: str, b: str) -> None:
    x, y = Fraction(a), Fraction(b)
    expected = {"add": x + y, "subtract": x - y, "multiply": x * y}
    if y:
        expected["divide"] = x / y
    for name, value in expected.items():
        call = ToolCall(name, {"a": a, "b": b}, "")
        assert ARITHMETIC.execute(call) == ToolResult(True, write_number(value))


@given(DECIMALS, DECIMALS.filter(lambda text: Fraction(text) != 0))
def test_quotient_and_remainder_give_the_number(a: str, b: str) -> None:
    arguments = {"a": Fraction(a), "b": Fraction(b)}
    steps, rest = (ARITHMETIC[name](**arguments) for name in ("integer_divide", "remainder"))
    assert steps.denominator == 1
    assert steps * Fraction(b) + rest == Fraction(a)


@given(st.fractions(), st.integers(-(10**20), 10**20))
def test_power_is_correct_or_fails_with_a_known_error(base: Fraction, exponent: int) -> None:
    arguments = {"base": str(base), "exponent": str(exponent)}
    answer = ARITHMETIC.execute(ToolCall("power", arguments, ""))
    if answer.ok and abs(exponent) < 100:
        assert answer.content == write_number(base**exponent)
    else:
        assert answer.ok or answer.error_kind in ("limit_exceeded", "function_error")


@given(st.fractions(), st.fractions().filter(bool))
def test_percent_of_inverts_percentage(part: Fraction, whole: Fraction) -> None:
    percent = ARITHMETIC["percentage"](part, whole)
    assert ARITHMETIC["percent_of"](percent, whole) == part


@given(st.fractions().filter(bool), st.fractions())
def test_applying_a_percent_change_gives_the_new_number(old: Fraction, new: Fraction) -> None:
    percent = ARITHMETIC["percent_change"](old, new)
    assert old + ARITHMETIC["percent_of"](percent, abs(old)) == new
    assert (percent > 0) == (new > old)

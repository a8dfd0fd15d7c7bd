from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC, failure, result
from toolsets import ToolResult
from toolsets.errors import ErrorKind
from toolsets.tools.numbers import write_number

WHOLE = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("gcd(values=[12, 18])", "6"),
        ("gcd(values=[12, 18, 27])", "3"),
        ("gcd(values=[-12])", "12"),
        ("gcd(values=[0, 0])", "0"),
        ("lcm(values=[4, 6])", "12"),
        ("lcm(values=[4, 6, 10])", "60"),
        ("lcm(values=[5, 0])", "0"),
        ("lcm(values=[-4])", "4"),
        ("factorial(n=5)", "120"),
        ("factorial(n=0)", "1"),
        ("square_root(value=144)", "12"),
        ("square_root(value=0.25)", "0.5"),
        ("square_root(value='4/9')", "0.666666666666667"),
        ("square_root(value=0)", "0"),
        ("square_root(value=2)", "1.4142135623731"),  # 1.41421356237309505, to 15 digits
        ("square_root(value=3)", "1.73205080756888"),
        ("square_root(value=0.00002)", "0.00447213595499958"),
        ("root(value=27, degree=3)", "3"),
        ("root(value=-8, degree=3)", "-2"),
        ("root(value=81, degree=4)", "3"),
        ("root(value=7.5, degree=1)", "7.5"),
        ("root(value='8/27', degree=3)", "0.666666666666667"),
        ("root(value=2, degree=100)", "1.00695555005672"),
        ("root(value=-10, degree=3)", "-2.15443469003188"),
    ],
)
def test_a_call_returns_its_result(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


@pytest.mark.parametrize(
    ("text", "message", "kind"),
    [
        ("gcd(values=[1.5, 3])", "gcd: values must be whole numbers", "function_error"),
        ("lcm(values=['1/3'])", "lcm: values must be whole numbers", "function_error"),
        (
            f"lcm(values=[{10**600}, {10**600 + 1}, 0])",  # checked after each step, not at the end
            "lcm: the number has more than 1,000 digits",
            "limit_exceeded",
        ),
        ("factorial(n=-1)", "factorial: n must be a whole number, 0 or more", "function_error"),
        ("factorial(n=2.5)", "factorial: n must be a whole number, 0 or more", "function_error"),
        (
            "factorial(n=1000000000000)",
            "factorial: the result has more than 1,000 digits",
            "limit_exceeded",
        ),
        (
            "square_root(value=-4)",
            "square_root: a number below 0 has no square root",
            "function_error",
        ),
        (
            "root(value=-4, degree=4)",
            "root: a number below 0 has no root of the even degree 4",
            "function_error",
        ),
        ("root(value=4, degree=0)", "root: degree must be between 1 and 100", "function_error"),
        ("root(value=4, degree=101)", "root: degree must be between 1 and 100", "function_error"),
    ],
)
def test_the_message_of_a_failure_is_exact(text: str, message: str, kind: ErrorKind) -> None:
    assert result(text) == failure(message, kind)


def test_the_largest_factorial_is_the_last_with_less_than_1000_digits() -> None:
    assert result("factorial(n=449)").content == str(math.factorial(449))
    assert result("factorial(n=450)").error_kind == "limit_exceeded"
    assert [len(str(math.factorial(n))) for n in (449, 450)] == [998, 1001]


@given(WHOLE)
def test_gcd_and_lcm_agree_with_python(values: list[int]) -> None:
    fractions = [Fraction(value) for value in values]
    assert ARITHMETIC["gcd"](fractions) == math.gcd(*values)
    assert ARITHMETIC["lcm"](fractions) == math.lcm(*values)


@given(st.fractions(max_denominator=10**6), st.integers(1, 9))
def test_the_root_of_a_power_is_exact(value: Fraction, degree: int) -> None:
    expected = value if degree % 2 else abs(value)
    assert ARITHMETIC["root"](value**degree, degree) == expected


@given(st.fractions(Fraction(1, 10**30), 10**30), st.integers(2, 100))
def test_a_root_is_correct_to_15_digits(value: Fraction, degree: int) -> None:
    exact = Context(prec=60)
    power = exact.divide(Decimal(1), Decimal(degree))
    expected = exact.power(exact.divide(Decimal(value.numerator), value.denominator), power)
    root = ARITHMETIC["root"](value, degree)
    assert abs(root / Fraction(expected) - 1) <= Fraction(1, 2 * 10**14)


@pytest.mark.parametrize("text", ["1e-999", "1e999", f"1/{10**999 + 7}", str(10**999 + 7)])
def test_numbers_of_the_maximum_length_have_roots(text: str) -> None:
    for degree in (2, 3, 99, 100):
        root = result(f"root(value='{text}', degree={degree})")
        assert root.ok
        power = Fraction(root.content) ** degree / Fraction(text)
        assert abs(power - 1) < Fraction(degree, 10**14)


def test_a_root_just_above_the_middle_of_two_decimals_is_rounded_up() -> None:
    middle = Fraction("1.234567890123445")
    root = ARITHMETIC["square_root"](middle**2 + Fraction(1, 10**40))
    assert write_number(root) == "1.23456789012345"


def test_the_next_call_gets_an_irrational_root_as_a_decimal() -> None:
    root = ARITHMETIC["square_root"](Fraction(2))
    assert write_number(root * root) == "2.00000000000001400410360361"

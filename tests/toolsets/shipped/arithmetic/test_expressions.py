"""Whole calculations in one text: exact values, readings that are refused, limits."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from tests.toolsets.shipped import texts
from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC
from toolsets import ToolResult
from toolsets.shipped.arithmetic.calculation import compute, read_calculation


def evaluated(expression: str) -> str:
    return f"evaluate_expression(expression={expression!r})"


@pytest.mark.parametrize(
    ("expression", "content"),
    [
        ("(12 + 8) * 3/4 - 2**3", "7"),
        ("2 + 3*4", "14"),
        ("-3^2", "-9"),
        ("2^3^2", "512"),
        ("6/2*(1+2)", "9"),
        ("1/((2)(3))", "0.166666666666667"),
        ("2(3 + 4)", "14"),
        ("(2)(3)(4)", "24"),
        ("3 × 4 ÷ 6 − 1", "1"),  # noqa: RUF001  # as models write it
        ("1/3 + 1/6", "0.5"),
        ("0.1 + 0.2", "0.3"),
        ("2.66666666666667 * 3", "8"),  # the literal of 8/3
        ("12345678901234567890.5 + 0", "12345678901234567890.5"),
        ("20% * 50", "10"),
        ("50 * 20%", "10"),
        ("(20%) * 50 + 1", "11"),
        ("17 % 5", "2"),
        ("mod(-17, 5)", "3"),
        ("17 // 5", "3"),
        ("5! / 3!", "20"),
        ("(3!)!", "720"),
        ("|3 - 10|", "7"),
        ("max(1, 200)", "200"),
        ("min(3, 1/2)", "0.5"),
        ("gcd(12, 18) + lcm(4, 6)", "18"),
        ("floor(7/2) + ceil(7/2)", "7"),
        ("floor(-7/2)", "-4"),
        ("nCr(5, 2) + C(6, 3) + choose(4, 2)", "36"),
        ("nPr(5, 2)", "20"),
        ("pow(2, 10)", "1024"),
        ("sqrt(16/9) * 3", "4"),
        ("8^(2/3)", "4"),
        ("root(-8, 3)", "-2"),
        ("cbrt(27)", "3"),
        ("√144", "12"),
        ("2²", "4"),
        ("0^0", "1"),
        ("2^-3", "0.125"),
        ("7", "7"),
    ],
)
def test_a_calculation_gets_its_value(expression: str, content: str) -> None:
    assert texts.result(ARITHMETIC, evaluated(expression)) == ToolResult(True, content)


TWO_READINGS = "before a product without a sign has two readings; write a/b*(c) or a/(b*(c))"
NO_NUMBER = "expected one calculation whose result is a number, without =, < or a list"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("6/2(1+2)", f"column 2: / {TWO_READINGS}"),
        ("6/(2)(1+2)", f"column 2: / {TWO_READINGS}"),
        ("1/2^2(3)", f"column 2: / {TWO_READINGS}"),
        ("1/2^(1+1)(3)", f"column 2: / {TWO_READINGS}"),
        ("1/2²(3)", f"column 2: / {TWO_READINGS}"),
        ("1/2!(3)", f"column 2: / {TWO_READINGS}"),
        ("1/sqrt(4)(3)", f"column 2: / {TWO_READINGS}"),
        ("4 / -2(3)", f"column 3: / {TWO_READINGS}"),
        ("7//2(3)", f"column 2: // {TWO_READINGS}"),
        ("3!!", "column 2: !! has two readings; write (a!)!"),
        ("max(1,200)", "write numbers without separators: 1200, not 1,200"),
        ("1,200 + 3", "write numbers without separators: 1200, not 1,200"),
        ("sqrt(2)", "the root of 2 is irrational; call root(value=2, degree=2) for its decimal"),
        ("2^0.5", "the root of 2 is irrational; call root(value=2, degree=2) for its decimal"),
        ("(-8)^(1/3)", "a number below 0 with a broken exponent; write root(a, n) for a root"),
        ("sqrt(-4)", "a number below 0 has no root of the even degree 2"),
        ("root(4, 1/2)", "the degree of a root must be a whole number"),
        ("2x + 1", "x has no value here; write numbers only"),
        ("pi * 2", "pi has no value here; write numbers only"),
        ("2 + 3 = 5", NO_NUMBER),
        ("3 < 5", NO_NUMBER),
        ("[1, 2]", NO_NUMBER),
        ("5 if 1 else 3", NO_NUMBER),
        ("'abc'", NO_NUMBER),
        ("1/0", "the expression divides by 0"),
        ("1/(2 - 2)", "the expression divides by 0"),
        ("0**-1", "0 cannot be raised to a negative exponent"),
        ("5 +", "column 4: expected a number or a name, got the end"),
        ("$5 + 3", "column 1: '$' has no meaning here"),
        ("round(2.5)", "column 1: there is no function round"),
        ("2.5!", "n must be a whole number, 0 or more"),
    ],
)
def test_what_has_no_value_or_two_readings_is_refused(expression: str, message: str) -> None:
    kind, content = texts.failure(ARITHMETIC, evaluated(expression))
    assert kind in ("bad_arguments", "function_error")
    assert message in content


@pytest.mark.parametrize("expression", ["100% - 20%", "(100% - 15%) * 80", "15% - 5%"])
def test_a_percentage_is_never_read_as_a_remainder_of_a_negative_number(expression: str) -> None:
    plain = expression.replace("%", "/100")
    try:
        value = compute(read_calculation(expression))
    except ValueError as error:
        assert "write mod(a, b), or a/100 for a percent" in str(error)
    else:
        assert value == compute(read_calculation(plain))


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9",
        "2**3321 * 2**3321",
        "450!",
        "10**1001",
        "1e99999",
        "nCr(10^12, 10^6)",
        f"{'(' * 60}1{')' * 60}",
        f"2{'**2' * 700}",
        f"{'1+' * 1500}1",
        f"{'9' * 2000}",
    ],
)
def test_a_large_calculation_is_refused(expression: str) -> None:
    assert texts.failure(ARITHMETIC, evaluated(expression))[0] == "limit_exceeded"


def test_ten_thousand_random_calculations_equal_pythons_fractions() -> None:
    chance = random.Random(18)
    compared = 0
    for _ in range(10_000):
        text, expected = _calculation(chance, 3)
        if expected is None:
            continue
        compared += 1
        assert compute(read_calculation(text)) == expected, text
    assert compared > 8_000


def _calculation(chance: random.Random, depth: int) -> tuple[str, Fraction | None]:
    """A random calculation in parentheses and its value, None where it divides by 0."""
    if depth == 0 or chance.random() < 0.2:
        digits = chance.randint(0, 2)
        number = Fraction(chance.randint(0, 999), 10**digits)
        return f"{float(number):.{digits}f}", number
    sign = chance.choice(["+", "-", "*", "/", "**"])
    left, a = _calculation(chance, depth - 1)
    if sign == "**":
        exponent = chance.randint(0, 3)
        return f"({left})**{exponent}", None if a is None else a**exponent
    right, b = _calculation(chance, depth - 1)
    text = f"({left}) {sign} ({right})"
    if a is None or b is None or (sign == "/" and b == 0):
        return text, None
    return text, {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[sign]

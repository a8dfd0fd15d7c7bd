"""Operations on one or two numbers; they take and return exact rationals."""

from __future__ import annotations

from fractions import Fraction

from toolsets.errors import LimitExceeded
from toolsets.tools.decorator import tool
from toolsets.tools.numbers import LARGEST_MAGNITUDE_DIGITS, check_magnitude, write_number
from toolsets.tools.tool import Number, Percent


@tool
def add(a: Number, b: Number) -> Number:
    """Add two numbers.

    Example:
        add(a=2, b=3)
    """
    return a + b


@tool
def subtract(a: Number, b: Number) -> Number:
    """Subtract b from a.

    Example:
        subtract(a=7, b=4)
    """
    return a - b


@tool
def multiply(a: Number, b: Number) -> Number:
    """Multiply two numbers.

    Example:
        multiply(a=6, b=4)
    """
    return a * b


@tool
def divide(a: Number, b: Number) -> Number:
    """Divide a by b.

    Example:
        divide(a=9, b=4)
    """
    if b == 0:
        raise ValueError("b must not be 0")
    return a / b


@tool
def percent_of(percent: Percent, value: Number) -> Number:
    """Take a percentage of a value.

    Example:
        percent_of(percent=15, value=80)
    """
    return percent * value / 100


@tool
def integer_divide(a: Number, b: Number) -> Number:
    """Divide a by b and round down to a whole number.

    Example:
        integer_divide(a=17, b=5)
    """
    if b == 0:
        raise ValueError("b must not be 0")
    return Fraction(a // b)


@tool
def remainder(a: Number, b: Number) -> Number:
    """Find what is left of a after whole steps of b.

    Example:
        remainder(a=17, b=5)
    """
    if b == 0:
        raise ValueError("b must not be 0")
    return a % b


@tool
def power(base: Number, exponent: Number) -> Number:
    """Raise base to a whole exponent.

    Example:
        power(base=2, exponent=10)
    """
    if exponent.denominator != 1:
        raise ValueError("exponent must be a whole number")
    if base == 0 and exponent < 0:
        raise ValueError("0 cannot be raised to a negative exponent")
    if abs(base) == 1:
        exponent %= 2
    if base == 0:
        exponent = min(exponent, Fraction(1))
    bits = abs(exponent) * max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > 4 * LARGEST_MAGNITUDE_DIGITS:
        raise LimitExceeded(f"the result has more than {LARGEST_MAGNITUDE_DIGITS:,} digits")
    return check_magnitude(base ** int(exponent))


@tool
def absolute(value: Number) -> Number:
    """Take the size of a number, without its sign.

    Example:
        absolute(value=-7)
    """
    return abs(value)


@tool
def compare(a: Number, b: Number) -> str:
    """Say which of two numbers is greater and by how much.

    Example:
        compare(a=7, b=4)
    """
    first, second = write_number(a), write_number(b)
    if a == b:
        return f"{first} is equal to {second}"
    relation = "greater" if a > b else "less"
    return f"{first} is {relation} than {second} by {write_number(abs(a - b))}"


@tool
def percentage(part: Number, whole: Number) -> Number:
    """Find what percentage of the whole a part is.

    Example:
        percentage(part=12, whole=80)
    """
    if whole == 0:
        raise ValueError("whole must not be 0")
    return part / whole * 100


@tool
def percent_change(old: Number, new: Number) -> Number:
    """Find by how many percent of old a number changed, below 0 where it fell.

    Example:
        percent_change(old=80, new=100)
    """
    if old == 0:
        raise ValueError("old must not be 0")
    return (new - old) / abs(old) * 100

"""The toolset `arithmetic`: exact rational arithmetic on what grade-school problems need.

Every function takes and returns exact rationals (`toolsets.numbers` reads and writes them).
"""

from __future__ import annotations

import math
from fractions import Fraction

from toolsets.errors import LimitExceeded
from toolsets.numbers import LARGEST_MAGNITUDE_DIGITS, check_magnitude
from toolsets.tool import Number, tool
from toolsets.toolset import Toolset


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
def percent_of(percent: Number, value: Number) -> Number:
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
def round_number(value: Number, digits: int = 0) -> Number:
    """Round half up to a number of decimal digits.

    Example:
        round_number(value=3.456, digits=2)
    """
    if abs(digits) > 100:
        raise ValueError("digits must be between -100 and 100")
    scale = Fraction(10) ** digits
    size = math.floor(abs(value) * scale + Fraction(1, 2)) / scale
    return size if value >= 0 else -size


toolset = Toolset(
    "arithmetic",
    (add, subtract, multiply, divide, percent_of, integer_divide, remainder, power, round_number),
)

"""Divisors, multiples, factorials and roots.

Rational roots are exact. Irrational roots are rounded to 15 significant digits, and later calls get
the rounded decimal: the square of `square_root(2)` is not exactly 2.
"""

from __future__ import annotations

import functools
import math
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from toolsets.errors import LimitExceeded
from toolsets.shipped.arithmetic.lists import Numbers
from toolsets.tools.decorator import tool
from toolsets.tools.numbers import LARGEST_MAGNITUDE_DIGITS, SIGNIFICANT_DIGITS, check_magnitude
from toolsets.tools.tool import Number

LARGEST_FACTORIAL = 449  # 449! has 998 digits
LARGEST_DEGREE = 100


@tool
def gcd(values: Numbers) -> Number:
    """Find the greatest whole number that divides all whole numbers of a list.

    Example:
        gcd(values=[12, 18])
    """
    return Fraction(math.gcd(*_whole(values)))


@tool
def lcm(values: Numbers) -> Number:
    """Find the least whole number that all whole numbers of a list divide.

    Example:
        lcm(values=[4, 6])
    """

    def lcm_of_two(a: int, b: int) -> int:
        return check_magnitude(Fraction(math.lcm(a, b))).numerator

    return Fraction(functools.reduce(lcm_of_two, _whole(values), 1))


@tool
def factorial(n: Number) -> Number:
    """Multiply all whole numbers from 1 to n.

    Example:
        factorial(n=5)
    """
    if n.denominator != 1 or n < 0:
        raise ValueError("n must be a whole number, 0 or more")
    if n > LARGEST_FACTORIAL:
        raise LimitExceeded(f"the result has more than {LARGEST_MAGNITUDE_DIGITS:,} digits")
    return Fraction(math.factorial(n.numerator))


@tool
def root(value: Number, degree: int) -> Number:
    """Find the number whose power of this degree is the value.

    Example:
        root(value=27, degree=3)
    """
    if not 1 <= degree <= LARGEST_DEGREE:
        raise ValueError(f"degree must be between 1 and {LARGEST_DEGREE}")
    if value < 0 and degree % 2 == 0:
        raise ValueError(f"a number below 0 has no root of the even degree {degree}")
    size = _root(abs(value), degree)
    return size if value >= 0 else -size


def exact_root(value: Fraction, degree: Fraction) -> Fraction | None:
    """The real root if it is rational, else None; raises ValueError if there is no real root."""
    if degree.denominator != 1:
        raise ValueError("the degree of a root must be a whole number")
    rounded: Fraction = root(value, degree.numerator)
    return rounded if rounded**degree.numerator == value else None


@tool
def square_root(value: Number) -> Number:
    """Find the number that gives the value when multiplied by itself.

    Example:
        square_root(value=144)
    """
    if value < 0:
        raise ValueError("a number below 0 has no square root")
    return _root(value, 2)


def _whole(values: list[Fraction]) -> list[int]:
    if any(value.denominator != 1 for value in values):
        raise ValueError("values must be whole numbers")
    return [value.numerator for value in values]


def _root(value: Fraction, degree: int) -> Fraction:
    exact = Fraction(_floor_root(value.numerator, degree), _floor_root(value.denominator, degree))
    return exact if exact**degree == value else _rounded_root(value, degree)


def _rounded_root(value: Fraction, degree: int) -> Fraction:
    """The root rounded to 15 significant digits, from a floor with at least 17 digits."""
    zeros = max(0, -Decimal(value.numerator).adjusted() + Decimal(value.denominator).adjusted() + 1)
    places = SIGNIFICANT_DIGITS + 2 + zeros // degree + 1
    digits = _floor_root(value.numerator * 10 ** (places * degree) // value.denominator, degree)
    nearest = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_HALF_UP)  # the cut part is > 0
    rounded = nearest.plus(Decimal(digits))
    return Fraction(rounded) / 10**places


def _floor_root(value: int, degree: int) -> int:
    """The largest whole number whose power is at most `value`, by Newton's method from above."""
    if value < 2 or degree == 1:
        return value
    guess = 1 << -(-value.bit_length() // degree)
    while True:
        better = ((degree - 1) * guess + value // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess
        guess = better

"""Ratios and fractions in lowest terms, as text: 2:3 and 3/8.

Not here: splitting an amount by a ratio, which is `share` (`lists`).
"""

from __future__ import annotations

import math
from fractions import Fraction

from toolsets.shipped.arithmetic.lists import Numbers
from toolsets.tools.decorator import tool
from toolsets.tools.numbers import check_magnitude
from toolsets.tools.tool import Number


@tool
def simplify_ratio(values: Numbers) -> str:
    """Write a ratio of two or more numbers with the least whole numbers.

    Example:
        simplify_ratio(values=[12, 18])
    """
    if len(values) < 2:
        raise ValueError("a ratio needs at least two numbers")
    if min(values) < 0:
        raise ValueError("values must have no number below 0")
    if max(values) == 0:
        raise ValueError("values must have a number above 0")
    unit = Fraction(0)  # the greatest number of which all values are whole multiples
    for value in values:
        unit = check_magnitude(_common_unit(unit, value))
    return ":".join(str(check_magnitude(value / unit).numerator) for value in values)


@tool
def to_fraction(value: Number) -> str:
    """Write a number as a fraction of whole numbers in lowest terms.

    Example:
        to_fraction(value=0.375)
    """
    return str(value)


def _common_unit(a: Fraction, b: Fraction) -> Fraction:
    above = math.gcd(a.numerator * b.denominator, b.numerator * a.denominator)
    return Fraction(above, a.denominator * b.denominator)

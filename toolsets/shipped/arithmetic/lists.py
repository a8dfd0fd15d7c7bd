"""Functions that take a list of numbers; `share` also returns one.

Sums and products are checked after each step, so that no list produces a number over the digit
limit.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

from pydantic import Field

from toolsets.tools.decorator import tool
from toolsets.tools.numbers import check_magnitude
from toolsets.tools.tool import Number

MOST_VALUES = 1000

Numbers = Annotated[list[Number], Field(min_length=1, max_length=MOST_VALUES)]
"""Type of a parameter that takes one or more numbers."""


@tool
def total(values: Numbers) -> Number:
    """Add all numbers of a list.

    Example:
        total(values=[2, 3, 5])
    """
    return _sum(values)


@tool
def multiply_all(values: Numbers) -> Number:
    """Multiply all numbers of a list.

    Example:
        multiply_all(values=[2, 3, 5])
    """
    result = Fraction(1)
    for value in values:
        result = check_magnitude(result * value)
    return result


@tool
def average(values: Numbers) -> Number:
    """Find the mean of a list of numbers.

    Example:
        average(values=[2, 3, 7])
    """
    return _sum(values) / len(values)


@tool
def minimum(values: Numbers) -> Number:
    """Find the least number of a list.

    Example:
        minimum(values=[5, 2, 9])
    """
    return min(values)


@tool
def maximum(values: Numbers) -> Number:
    """Find the greatest number of a list.

    Example:
        maximum(values=[5, 2, 9])
    """
    return max(values)


@tool
def share(amount: Number, ratio: Numbers) -> list[Number]:
    """Split an amount into parts by a ratio.

    Example:
        share(amount=60, ratio=[2, 3])
    """
    if min(ratio) < 0:
        raise ValueError("ratio must have no number below 0")
    whole = _sum(ratio)
    if whole == 0:
        raise ValueError("ratio must have a number above 0")
    return [amount * part / whole for part in ratio]


def _sum(values: list[Fraction]) -> Fraction:
    result = Fraction(0)
    for value in values:
        result = check_magnitude(result + value)
    return result

"""Rounding to decimal digits; modes and their names are those of Python's `decimal`."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Literal

from toolsets.tools.decorator import tool
from toolsets.tools.tool import Number

MOST_DIGITS = 100

Mode = Literal["half_up", "half_even", "up", "down", "floor", "ceiling"]

_ROUND: dict[Mode, Callable[[Fraction], int]] = {
    "half_up": lambda value: _away(value, math.floor(abs(value) + Fraction(1, 2))),
    "half_even": round,
    "up": lambda value: _away(value, math.ceil(abs(value))),
    "down": math.trunc,
    "floor": math.floor,
    "ceiling": math.ceil,
}


@tool
def round_number(value: Number, digits: int = 0, mode: Mode = "half_up") -> Number:
    """Round to a number of decimal digits, half up where no mode is given.

    `up` and `half_up` round away from 0, `down` towards 0, `floor` and `ceiling` to the next
    number below or above, `half_even` to an even digit if both neighbours are equally near.

    Example:
        round_number(value=3.456, digits=2)
    """
    if abs(digits) > MOST_DIGITS:
        raise ValueError(f"digits must be between -{MOST_DIGITS} and {MOST_DIGITS}")
    scale = Fraction(10) ** digits
    return _ROUND[mode](value * scale) / scale


def _away(value: Fraction, size: int) -> int:
    return size if value >= 0 else -size

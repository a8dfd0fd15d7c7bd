"""The median, the most frequent number and the standard deviation of a list of numbers.

Not here: the mean, which is `average` (`lists`).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Literal

from toolsets.shipped.arithmetic.lists import Numbers, average, total
from toolsets.shipped.arithmetic.whole import square_root
from toolsets.tools.decorator import tool
from toolsets.tools.numbers import check_magnitude
from toolsets.tools.tool import Number


@tool
def median(values: Numbers) -> Number:
    """Find the middle number of a list in order, or the mean of the two middle ones.

    Example:
        median(values=[5, 1, 9, 7])
    """
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


@tool
def mode(values: Numbers) -> Number | list[Number] | str:
    """Find the number that occurs most often in a list, or all of them where several do.

    Example:
        mode(values=[2, 3, 3, 5])
    """
    counts = Counter(values)
    most = max(counts.values())
    if most == 1 and len(values) > 1:
        return "no mode: every number occurs once"
    modes = sorted(value for value, times in counts.items() if times == most)
    return modes[0] if len(modes) == 1 else modes


@tool
def standard_deviation(values: Numbers, kind: Literal["population", "sample"]) -> Number:
    """Find the standard deviation of a list; kind says whether it is all there is or a sample.

    The squared deviations are divided by n for a population, by n - 1 for a sample. An irrational
    result is rounded to 15 significant digits.

    Example:
        standard_deviation(values=[2, 4, 4, 4, 5, 5, 7, 9], kind="population")
    """
    degrees = len(values) - (kind == "sample")
    if degrees == 0:
        raise ValueError("a sample must have at least two numbers")
    mean: Fraction = average(values)
    return square_root(total([check_magnitude((value - mean) ** 2) for value in values]) / degrees)

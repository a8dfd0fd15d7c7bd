"""Numbers of choices: combinations and permutations of n different things, k at a time."""

from __future__ import annotations

from fractions import Fraction

from toolsets.tools.decorator import tool
from toolsets.tools.numbers import check_magnitude, write_number
from toolsets.tools.tool import Number


@tool
def combinations(n: Number, k: Number) -> Number:
    """Count the ways to choose k of n different things, where order does not matter.

    Example:
        combinations(n=5, k=2)
    """
    things, chosen = _counts(n, k)
    ways = Fraction(int(chosen <= things))
    for i in range(min(chosen, things - chosen)):  # below n/2, each step at least doubles it
        ways = check_magnitude(ways * (things - i) / (i + 1))
    return ways


@tool
def permutations(n: Number, k: Number) -> Number:
    """Count the ways to arrange k of n different things in a row, where order matters.

    Example:
        permutations(n=5, k=2)
    """
    things, chosen = _counts(n, k)
    ways = Fraction(int(chosen <= things))
    for i in range(chosen if chosen <= things else 0):
        ways = check_magnitude(ways * (things - i))
    return ways


def _counts(n: Fraction, k: Fraction) -> tuple[int, int]:
    for name, value in (("n", n), ("k", k)):
        if value.denominator != 1 or value < 0:
            raise ValueError(f"{name} must be a whole number, 0 or more, got {write_number(value)}")
    return n.numerator, k.numerator

"""Linear congruences and systems of them, by the Chinese remainder theorem.

Not here: powers and inverses by a modulus (`whole`).
"""

from __future__ import annotations

import math

from toolsets.errors import LimitExceeded
from toolsets.shipped.algebra.sizes import MOST_BITS, MOST_DIGITS
from toolsets.shipped.algebra.solutions import NONE
from toolsets.shipped.algebra.symbolic import Whole
from toolsets.tools.decorator import tool


@tool
def solve_congruence(a: Whole, b: Whole, modulus: Whole) -> str:
    """Find all whole numbers x for which a*x and b leave the same remainder by modulus.

    Example:
        solve_congruence(a=3, b=4, modulus=7)
    """
    _check_modulus(modulus, "modulus")
    divisor = math.gcd(a, modulus)
    if b % divisor:
        return NONE
    smaller = modulus // divisor
    return _write(b // divisor * pow(a // divisor, -1, smaller), smaller)


@tool
def chinese_remainder(remainders: list[Whole], moduli: list[Whole]) -> str:
    """Find all whole numbers x that leave these remainders by these moduli.

    Example:
        chinese_remainder(remainders=[2, 3, 2], moduli=[3, 5, 7])
    """
    if len(remainders) != len(moduli) or not moduli:
        counts = f"{len(remainders)} remainders and {len(moduli)} moduli"
        raise ValueError(f"each remainder needs its modulus, got {counts}")
    x, period = 0, 1
    for remainder, modulus in zip(remainders, moduli, strict=True):
        _check_modulus(modulus, "each of the moduli")
        divisor = math.gcd(period, modulus)
        if (remainder - x) % divisor:
            return NONE
        rest = modulus // divisor
        x += period * ((remainder - x) // divisor * pow(period // divisor, -1, rest) % rest)
        period *= rest
        if period.bit_length() > MOST_BITS:
            raise LimitExceeded(f"the product of the moduli has more than {MOST_DIGITS:,} digits")
    return _write(x, period)


def _check_modulus(modulus: int, name: str) -> None:
    if modulus < 1:
        raise ValueError(f"{name} must be at least 1, got {modulus}")


def _write(x: int, period: int) -> str:
    """The whole numbers x + period*n; in the notation of `solve`."""
    if period == 1:
        return "every whole number x"
    start = f"{x % period} + " if x % period else ""
    return f"x = {start}{period}*n for every whole number n"

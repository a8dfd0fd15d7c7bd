"""Number theory: primes, divisors, powers and inverses by a modulus.

A whole number may be written as an expression, such as 2**61 - 1. Not here: common divisors, which
expressions contain as gcd(…) and lcm(…).
"""

from __future__ import annotations

import math

from toolsets.errors import LimitExceeded
from toolsets.shipped.algebra.symbolic import Whole
from toolsets.tools.decorator import tool

LARGEST_FACTORED = 10**20  # factored in a fraction of a second
LARGEST_TESTED = 10**300
MOST_DIVISORS = 1_000


@tool
def prime_factors(n: Whole) -> str:
    """Write a whole number as a product of primes.

    Example:
        prime_factors(n=360)
    """
    factors = _factors(n)
    parts = [f"{prime}**{times}" if times > 1 else str(prime) for prime, times in factors.items()]
    return " * ".join(parts) or "1"


@tool
def is_prime(n: Whole) -> str:
    """Say whether a whole number is prime.

    Example:
        is_prime(n=97)
    """
    import sympy

    if abs(n) > LARGEST_TESTED:
        raise LimitExceeded("n has more than 300 digits")
    return str(bool(sympy.isprime(n)))


@tool
def divisors(n: Whole) -> list[int]:
    """List all divisors of a whole number.

    Example:
        divisors(n=28)
    """
    all_divisors = [1]
    for prime, times in _factors(n).items():
        all_divisors = [divisor * prime**k for divisor in all_divisors for k in range(times + 1)]
        if len(all_divisors) > MOST_DIVISORS:
            raise LimitExceeded(f"n has more than {MOST_DIVISORS:,} divisors")
    return sorted(all_divisors)


@tool
def power_modulo(base: Whole, exponent: Whole, modulus: Whole) -> int:
    """Find the remainder of base**exponent divided by modulus.

    Example:
        power_modulo(base=7, exponent=100, modulus=13)
    """
    if modulus < 1:
        raise ValueError("modulus must be at least 1")
    if exponent < 0 and math.gcd(base, modulus) != 1:
        raise ValueError("base has no inverse: it shares a divisor with modulus")
    return pow(base, exponent, modulus)


@tool
def inverse_modulo(value: Whole, modulus: Whole) -> int:
    """Find the number whose product with value leaves 1 when divided by modulus.

    Example:
        inverse_modulo(value=3, modulus=11)
    """
    if modulus < 2:
        raise ValueError("modulus must be at least 2")
    if math.gcd(value, modulus) != 1:
        raise ValueError("value has no inverse: it shares a divisor with modulus")
    return pow(value, -1, modulus)


def _factors(n: int) -> dict[int, int]:
    import sympy

    if n < 1:
        raise ValueError("n must be at least 1")
    if n > LARGEST_FACTORED:
        raise LimitExceeded("n has more than 20 digits")
    return sympy.factorint(n)

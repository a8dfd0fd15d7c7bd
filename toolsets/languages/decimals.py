"""Exact rationals as decimals: writing, and reading a rounded decimal back. One rule for all.

A rational that terminates within `EXACT_DIGITS` digits is written exactly. Any other is written
with `SIGNIFICANT_DIGITS` significant digits; such a literal is read back as the rational with a
small denominator that has this literal, if one exists. So 10/3 is written as 3.33333333333333 and
is 10/3 again in the next call, as an argument and inside an expression.

How small: a literal with f decimal places is read as a rational with a denominator of at most
10**((f - GUARD_DIGITS) / 2). At most one candidate exists then (fractions with denominators up to Q
differ by at least 1/Q**2), and an arbitrary literal of that length is mistaken for a rational about
once in 30,000. A larger denominator is not recovered: the value is off by the literal's last digit.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction

from toolsets.errors import LimitExceeded

EXACT_DIGITS = 30
SIGNIFICANT_DIGITS = 15  # the most that survive text -> double -> text for every double
GUARD_DIGITS = 4
LARGEST_MAGNITUDE_DIGITS = 1000

_ROUNDED = Context(prec=SIGNIFICANT_DIGITS)
_EXACT = Context(prec=EXACT_DIGITS)


def write_number(value: Fraction) -> str:
    """`value` as a decimal without exponent: exact if short enough, else 15 significant digits.

    Raises LimitExceeded if it would need more than `LARGEST_MAGNITUDE_DIGITS` digits.
    """
    check_magnitude(value)
    if value.denominator == 1:
        return str(value.numerator)
    places = _terminating_places(value.denominator)
    if places is not None:
        scaled = abs(value.numerator) * 10**places // value.denominator
        if len(str(scaled)) <= EXACT_DIGITS:
            return _plain(Decimal(-scaled if value < 0 else scaled).scaleb(-places, _EXACT))
    return _plain(_ROUNDED.divide(Decimal(value.numerator), Decimal(value.denominator)))


def check_magnitude(value: Fraction) -> Fraction:
    """Return `value`; raises LimitExceeded if its numerator or denominator is too long."""
    bits = max(value.numerator.bit_length(), value.denominator.bit_length())
    if bits > LARGEST_MAGNITUDE_DIGITS * 3.33:
        raise LimitExceeded(f"the number has more than {LARGEST_MAGNITUDE_DIGITS:,} digits")
    return value


def recover(decimal: Decimal) -> Fraction:
    """The rational that a decimal stands for: itself, or the short one that it is rounded from."""
    exact = Fraction(decimal)
    places = SIGNIFICANT_DIGITS - 1 - decimal.adjusted()  # with zeros not written
    if exact.denominator == 1 or places <= GUARD_DIGITS:
        return exact
    simple = exact.limit_denominator(math.isqrt(10 ** (places - GUARD_DIGITS)))
    return simple if write_number(simple) == _plain(decimal) else exact


def _terminating_places(denominator: int) -> int | None:
    twos = (denominator & -denominator).bit_length() - 1
    rest, fives = denominator >> twos, 0
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def _plain(decimal: Decimal) -> str:
    text = f"{decimal:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

"""Read and write numbers: exact rationals in Python, decimals in the model's text.

A rational that terminates within `EXACT_DIGITS` digits is written exactly. Any other is written
with `SIGNIFICANT_DIGITS` significant digits; such a literal is read back as the rational with a
small denominator that has this literal, if one exists. So 10/3 is written as 3.33333333333333 and
is 10/3 again in the next call.

How small: a literal with f decimal places is read as a rational with a denominator of at most
10**((f - GUARD_DIGITS) / 2). At most one candidate exists then (fractions with denominators up to Q
differ by at least 1/Q**2), and an arbitrary literal of that length is mistaken for a rational about
once in 30,000. A larger denominator is not recovered: the value is off by the literal's last digit.

Not here: numbers in answers (`pipeline.agent.verdict` strips currency and percent signs).
"""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal
from fractions import Fraction

from toolsets.errors import LimitExceeded

EXACT_DIGITS = 30
SIGNIFICANT_DIGITS = 15  # the most that survive text -> double -> text for every double
GUARD_DIGITS = 4
LARGEST_MAGNITUDE_DIGITS = 1000

_DECIMAL = re.compile(r"[+-]?((?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?")
_DECIMAL_COMMA = re.compile(r"[+-]?0,\d+")
_RATIO = re.compile(r"([+-]?\d+)\s*/\s*(\d+)")
_ROUNDED = Context(prec=SIGNIFICANT_DIGITS)
_EXACT = Context(prec=EXACT_DIGITS)


def read_number(value: object) -> Fraction:
    """Convert an argument to an exact rational.

    Accepts int, float (by its shortest decimal form, so 0.1 is 1/10), Fraction, and text: a decimal
    with optional commas between groups of three digits, or a ratio such as "1/3".
    Raises ValueError for anything else, and LimitExceeded beyond `LARGEST_MAGNITUDE_DIGITS` digits.
    """
    if isinstance(value, bool):
        raise ValueError("expected a number")
    if isinstance(value, int | Fraction):
        return check_magnitude(Fraction(value))
    text = repr(value) if isinstance(value, float) else value
    if not isinstance(text, str):
        raise ValueError("expected a number")
    text = text.strip()
    if ratio := _RATIO.fullmatch(text):
        numerator, denominator = (Fraction(_bounded(part)) for part in ratio.groups())
        if denominator == 0:
            raise ValueError("expected a number, and a ratio must not have the denominator 0")
        return numerator / denominator
    if _DECIMAL_COMMA.fullmatch(text):
        point = text.replace(",", ".")
        raise ValueError(f"expected a number; a decimal is written with a point, as {point}")
    if not _DECIMAL.fullmatch(text):
        raise ValueError("expected a number")
    return _recover(_bounded(text.replace(",", "")))


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


def _bounded(text: str) -> Decimal:
    exact = Decimal(text)
    if len(text) > LARGEST_MAGNITUDE_DIGITS or abs(exact.adjusted()) > LARGEST_MAGNITUDE_DIGITS:
        raise LimitExceeded(f"the number has more than {LARGEST_MAGNITUDE_DIGITS:,} digits")
    return exact


def _recover(decimal: Decimal) -> Fraction:
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

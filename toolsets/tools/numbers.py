"""Read numbers from arguments: exact rationals in Python, decimals in the model's text.

`read_number` accepts plain numbers only, `read_argument` also the forms that people write where a
number is asked for: `50%`, `$1,200`, `3 1/2`, `sqrt(2) ≈ 1.4142135623731`.

Not here: numbers in answers (`pipeline.agent.verdict`: units, LaTeX, floats), and the
rule for rounded decimals such as 3.33333333333333 (`toolsets.languages.decimals`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from toolsets.errors import LimitExceeded
from toolsets.languages.decimals import (
    EXACT_DIGITS,
    GUARD_DIGITS,
    LARGEST_MAGNITUDE_DIGITS,
    SIGNIFICANT_DIGITS,
    check_magnitude,
    recover,
    write_number,
)

__all__ = [
    "EXACT_DIGITS",
    "GUARD_DIGITS",
    "LARGEST_MAGNITUDE_DIGITS",
    "SIGNIFICANT_DIGITS",
    "check_magnitude",
    "read_argument",
    "read_number",
    "read_percent",
    "write_number",
]

_DIGITS = r"(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)"
_DECIMAL = re.compile(rf"[+-]?{_DIGITS}([eE][+-]?\d{{1,4}})?")
_RATIO = re.compile(r"([+-]?\d+)\s*/\s*(\d+)")
_COMMA = re.compile(r"[+-]?[$€£¥]?\d[\d,.]*,[\d,.]*%?")
_PERCENT = re.compile(rf"(?P<number>[+-]?{_DIGITS})\s*(?:%|percent)", re.IGNORECASE)
_CURRENCY = re.compile(rf"(?P<sign>[+-]?)[$€£¥]\s?(?P<number>[+-]?{_DIGITS})")
_MIXED = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d+) (?P<above>\d+)/(?P<below>\d+)")
_ROUNDED = re.compile(r"(?P<exact>[^≈=]*)[≈=]\s*(?P<number>[+-]?\d[\d.]*)")
_OF_SOLVERS = re.compile(r"(?:[\d\s+*/().-]|sqrt|log|exp|pi|E|a?(?:sin|cos|tan)h?)*")


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
    if not _DECIMAL.fullmatch(text):
        if _COMMA.fullmatch(text):
            raise ValueError("expected a number; write it with a decimal point and no comma")
        raise ValueError("expected a number")
    return recover(_bounded(text.replace(",", "")))


def read_argument(value: object) -> Fraction:
    """`read_number`, and texts such as `50%`, `$1,200`, `3 1/2` and `5/6 ≈ 0.833333333333333`.

    50% is one half. Raises as `read_number` does.
    """
    if not isinstance(value, str):
        return read_number(value)
    text = " ".join(value.replace("\N{MINUS SIGN}", "-").split())
    if match := _PERCENT.fullmatch(text):
        return read_number(match["number"]) / 100
    if match := _CURRENCY.fullmatch(text):
        return read_number(match["sign"] + match["number"])
    if match := _MIXED.fullmatch(text):
        return _mixed(*(match[part] for part in ("sign", "whole", "above", "below")))
    if match := _ROUNDED.fullmatch(text):
        return _rounded(match["exact"].strip(), read_number(match["number"]))
    return read_number(text)


def read_percent(value: object) -> Fraction:
    """`read_argument` for a number of percent: both 15 and 15% are 15."""
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())):
        return read_number(match["number"])
    return read_argument(value)


def _mixed(sign: str, whole: str, above: str, below: str) -> Fraction:
    part = read_number(f"{above}/{below}")
    if part >= 1:
        raise ValueError("expected a number; the fraction of a mixed number must be below 1")
    size = read_number(whole) + part
    return -size if sign == "-" else size


def _rounded(exact: str, value: Fraction) -> Fraction:
    """The number of a result such as `sqrt(2) ≈ 1.4142135623731`; a ratio must agree with it."""
    if _RATIO.fullmatch(exact) or _DECIMAL.fullmatch(exact):
        if write_number(read_number(exact)) != write_number(value):
            raise ValueError("expected a number, got two different ones")
        return read_number(exact)
    if not _OF_SOLVERS.fullmatch(exact):
        raise ValueError("expected a number")
    return value


def _bounded(text: str) -> Decimal:
    exact = Decimal(text)
    if len(text) > LARGEST_MAGNITUDE_DIGITS or abs(exact.adjusted()) > LARGEST_MAGNITUDE_DIGITS:
        raise LimitExceeded(f"the number has more than {LARGEST_MAGNITUDE_DIGITS:,} digits")
    return exact

"""Numbers in answers: the exact value, its unit, and how precisely it was written.

    1,200   1 200   $1,200   USD 12   12 apples   20%   1/4   1 1/2   1.2e3   12 million

A decimal of 15 to 17 significant digits is the text of a float, as Python and pandas write it; it
says its value to 15 digits only. Every other number is exact.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from pipeline.agent.verdict.units import CURRENCY, NO_UNIT, Unit, joined, read_unit, sign_of
from pipeline.agent.verdict.writing import unwrapped
from toolsets.tools.numbers import (
    LARGEST_MAGNITUDE_DIGITS,
    SIGNIFICANT_DIGITS,
    read_number,
    write_number,
)

MOST_FLOAT_DIGITS = 17  # of the text of a double
LARGEST_WHOLE_FLOAT = 2**53  # whole floats up to it are exact
LONGEST_NUMBER = 1200  # characters; more than a number of 1,000 digits with commas needs


class Quantity(NamedTuple):
    """A number in an answer. `error` is half a unit of the last digit that a float's text says."""

    value: Fraction
    unit: Unit = NO_UNIT
    error: Fraction = Fraction(0)


_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_GROUPS = r"[1-9]\d{0,2}(?: \d{3})+(?!\d)(?:\.\d+)?|[1-9]\d{0,2}(?:'\d{3})+(?!\d)(?:\.\d+)?"
_DECIMAL = r"\d[\d,]*(?:\.\d*)?(?:[eE][+-]?\d{1,4})?(?![\d])|\.\d+(?:[eE][+-]?\d{1,4})?(?!\d)"
_MIXED = r"(?P<whole>\d+) (?P<above>\d+) ?/ ?(?P<below>\d+)"
_RATIO = r"[+-]?\d+ ?/ ?\d+(?![\d.])"
_QUANTITY = re.compile(
    rf"(?P<sign>[+-]?) ?(?P<before>{CURRENCY}?) ?(?P<inner>[+-]?)"
    rf"(?P<number>{_MIXED}|{_RATIO}|{_GROUPS}|{_DECIMAL})(?P<rest>\D.*)?",
    re.IGNORECASE,
)


def is_whole(text: str) -> bool:
    """Whether a text is a whole number of at most 18 digits, in digits alone."""
    return _WHOLE.fullmatch(text) is not None


def read_quantity(text: str) -> Quantity | None:
    """The number that an unwrapped text holds, or None if it may be something else."""
    if is_whole(text):
        return Quantity(Fraction(int(text)))
    if len(text) > LONGEST_NUMBER or not (match := _QUANTITY.fullmatch(text)):
        return None
    if match["sign"] and match["inner"]:
        return None
    rest = match["rest"] or ""
    found = read_unit(rest, attached=not rest[:1].isspace())
    if found is None:
        return None
    after, scale = found
    unit = joined(Unit(sign_of(match["before"])), after)
    number = _value(match)
    if unit is None or number is None:
        return None
    value = scale * (-number if "-" in (match["sign"], match["inner"]) else number)
    return Quantity(value, unit, scale * _error(match["number"], number))


def answer_value(text: str) -> Fraction | None:
    """The number in an answer, without its currency or percent sign; None if it is not a number,
    or has a unit in words."""
    quantity = read_quantity(unwrapped(text))
    return None if quantity is None or quantity.unit.words else quantity.value


def same_value(one: Quantity, other: Quantity, tolerance: Fraction) -> bool:
    """Whether two numbers are as equal as their precision and `tolerance` say (`same_answer`)."""
    allowed = tolerance * max(Fraction(1), abs(other.value)) if tolerance else Fraction(0)
    return abs(one.value - other.value) <= max(allowed, one.error, other.error)


def is_decimal(one: Quantity, other: Quantity) -> bool:
    """Whether `one` is `other`, a number with infinitely many digits, as functions write it."""
    return other.error > 0 and one.value == read_number(write_number(other.value))


def _value(match: re.Match[str]) -> Fraction | None:
    try:
        if match["whole"]:
            part = read_number(f"{match['above']}/{match['below']}")
            return read_number(match["whole"]) + part if 0 < part < 1 else None
        return read_number(match["number"].replace(" ", "").replace("'", ""))
    except ValueError:
        return None


def _error(text: str, value: Fraction) -> Fraction:
    """Half a unit of the 15th significant digit for the text of a float, else 0."""
    if ("." not in text and "e" not in text.lower()) or "/" in text:
        return Fraction(0)
    decimal = Decimal(text.replace(",", "").replace(" ", "").replace("'", ""))
    digits = len("".join(map(str, decimal.as_tuple().digits)).rstrip("0"))
    if not SIGNIFICANT_DIGITS <= digits <= MOST_FLOAT_DIGITS:
        return Fraction(0)
    if value.denominator == 1 and abs(value) <= LARGEST_WHOLE_FLOAT:
        return Fraction(0)
    places = decimal.adjusted() - SIGNIFICANT_DIGITS + 1
    if abs(places) > LARGEST_MAGNITUDE_DIGITS:
        return Fraction(0)
    return Fraction(10) ** places / 2

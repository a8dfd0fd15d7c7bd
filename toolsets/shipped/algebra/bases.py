"""Whole numbers in other bases."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from toolsets.errors import LimitExceeded
from toolsets.shipped.algebra.sizes import MOST_BITS, MOST_DIGITS
from toolsets.tools.decorator import tool

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PREFIXES = {"0B": 2, "0O": 8, "0X": 16}
LONGEST = 3_400  # digits of a number; 1,000 decimal digits have 3,322 binary ones


def read_digits(value: object) -> str:
    """The digits as text; a number is refused, as 0x1F has arrived as 31."""
    if not isinstance(value, str):
        raise ValueError("expected the digits in quotes, such as '1011'")
    return value.strip().upper()


Digits = Annotated[str, BeforeValidator(read_digits), WithJsonSchema({"type": "string"})]
"""Type of a parameter that takes the digits of a number, as text in the call."""


@tool
def convert_base(number: Digits, from_base: int, to_base: int) -> str:
    """Write a whole number, given as the text of its digits, in another base from 2 to 36.

    Example:
        convert_base(number="1011", from_base=2, to_base=10)
    """
    for name, base in (("from_base", from_base), ("to_base", to_base)):
        if not 2 <= base <= len(DIGITS):
            raise ValueError(f"{name} must be from 2 to {len(DIGITS)}, got {base}")
    sign = "-" if number.startswith("-") else ""
    value = _value(_without_prefix(number.removeprefix("-"), from_base), from_base)
    return (sign if value else "") + _digits(value, to_base)


def _without_prefix(digits: str, base: int) -> str:
    """The digits after a prefix such as 0x; raises ValueError for the prefix of another base."""
    meant = PREFIXES.get(digits[:2])
    if meant is None:
        return digits
    if meant != base:
        reason = f"{digits[:2].lower()} stands for base {meant}, but from_base is {base}"
        raise ValueError(f"{reason}; correct one of them")
    return digits[2:]


def _value(digits: str, base: int) -> int:
    if not digits:
        raise ValueError("number has no digits")
    if len(digits) > LONGEST:
        raise LimitExceeded(f"number has more than {LONGEST:,} digits")
    value = 0
    for digit in digits:
        worth = DIGITS.find(digit)
        if not 0 <= worth < base:
            allowed = f"0 to {DIGITS[base - 1]}"
            raise ValueError(f"{digit!r} is no digit in base {base}; its digits are {allowed}")
        value = value * base + worth
    if value.bit_length() > MOST_BITS:
        raise LimitExceeded(f"number has more than {MOST_DIGITS:,} decimal digits")
    return value


def _digits(value: int, base: int) -> str:
    written = []
    while value:
        value, digit = divmod(value, base)
        written.append(DIGITS[digit])
    return "".join(reversed(written)) or "0"

"""Simple and compound interest, exact until the last digit is written.

Not here: a single percentage (`operations`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema

from toolsets.errors import LimitExceeded
from toolsets.tools.decorator import tool
from toolsets.tools.numbers import (
    EXACT_DIGITS,
    LARGEST_MAGNITUDE_DIGITS,
    check_magnitude,
    read_number,
    write_number,
)
from toolsets.tools.tool import Number

MOST_BITS = 400_000  # of an amount before rounding; 30 years of daily interest have 300,000


def read_percent(value: object) -> Fraction:
    """Parse a rate in percent: 5 and "5%" are both five percent; raises ValueError."""
    if isinstance(value, str):
        value = value.strip().removesuffix("%").rstrip()
    return read_number(value)


Percent = Annotated[Fraction, BeforeValidator(read_percent), WithJsonSchema({"type": "number"})]
"""Type of a rate in percent: 5 in the call is 5 percent."""


class Growth(NamedTuple):
    """What a principal earns, and the sum of both."""

    interest: Fraction
    amount: Fraction

    def __str__(self) -> str:
        return f"interest {write_number(self.interest)}, amount {write_number(self.amount)}"


@tool
def simple_interest(principal: Number, percent_per_year: Percent, years: Number) -> str:
    """Find the simple interest on a principal, and the amount with it; 5 means 5 percent.

    Example:
        simple_interest(principal=1000, percent_per_year=5, years=3)
    """
    _check(percent_per_year, years)
    interest = principal * percent_per_year / 100 * years
    return str(Growth(interest, principal + interest))


@tool
def compound_interest(
    principal: Number, percent_per_year: Percent, years: Number, times_per_year: int = 1
) -> str:
    """Find the compound interest on a principal, and the amount with it; 5 means 5 percent.

    Example:
        compound_interest(principal=1000, percent_per_year=5, years=2, times_per_year=4)
    """
    _check(percent_per_year, years)
    if times_per_year < 1:
        raise ValueError(f"times_per_year must be at least 1, got {times_per_year}")
    periods = years * times_per_year
    if periods.denominator != 1:
        got = write_number(periods)
        raise ValueError(f"years * times_per_year must be a whole number of periods, got {got}")
    rate = percent_per_year / 100 / times_per_year
    amount = principal * _power(1 + rate, periods.numerator)
    return str(Growth(_short(amount - principal), _short(amount)))


def _check(percent: Fraction, years: Fraction) -> None:
    if percent < -100:
        got = write_number(percent)
        raise ValueError(f"percent_per_year must be at least -100, got {got}")
    if years < 0:
        raise ValueError(f"years must be 0 or more, got {write_number(years)}")


def _power(base: Fraction, exponent: int) -> Fraction:
    if base.numerator.bit_length() * exponent > MOST_BITS:
        raise LimitExceeded("there are too many periods, or the rate has too many digits")
    return base**exponent


def _short(value: Fraction) -> Fraction:
    """The value, rounded to twice the digits that are written if it has over 1,000 digits."""
    try:
        return check_magnitude(value)
    except LimitExceeded:
        scale = 10 ** (2 * EXACT_DIGITS)
        if abs(value) >= 10**LARGEST_MAGNITUDE_DIGITS or 0 < abs(value) * scale < scale // 10**15:
            raise
        return Fraction(round(value * scale), scale)

"""Clock times and dates.

A date is written in ISO 8601, 2024-02-29; a time as 21:30 or as 9:30 PM, and the result uses the
notation of the argument. There are no time zones and no daylight saving time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from toolsets.tools.decorator import tool
from toolsets.tools.tool import Number

MINUTES_A_DAY = 24 * 60
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"(\d{1,2})(?::(\d{2}))?(?:\s*([ap])\.?m\.?)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A time of day: minutes since midnight, and whether it is written with AM or PM."""

    minutes: int
    twelve_hours: bool

    def __str__(self) -> str:
        hour, minute = divmod(self.minutes, 60)
        if not self.twelve_hours:
            return f"{hour:02}:{minute:02}"
        return f"{(hour - 1) % 12 + 1}:{minute:02} {'AM' if hour < 12 else 'PM'}"


def read_date(value: object) -> date:
    """Parse a date; raises ValueError."""
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DATE.fullmatch(value.strip()):
            return date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("there is no such day in the calendar") from None
    raise ValueError("expected a date such as '2024-02-29'")


def read_time(value: object) -> ClockTime:
    """Parse a time of day; raises ValueError."""
    if isinstance(value, ClockTime):
        return value
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not (match[2] or match[3]):
        raise ValueError("expected a time such as '21:30' or '9:30 PM'")
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    if minute > 59 or not (1 <= hour <= 12 if half else hour <= 23):
        raise ValueError("there is no such time on the clock")
    return ClockTime((hour % 12 + 12 * (half == "p") if half else hour) * 60 + minute, bool(half))


Date = Annotated[
    date, BeforeValidator(read_date), WithJsonSchema({"type": "string", "format": "date"})
]
"""Type of a date parameter: text in the call, a `datetime.date` in the function."""

Time = Annotated[ClockTime, BeforeValidator(read_time), WithJsonSchema({"type": "string"})]
"""Type of a time-of-day parameter: text in the call, a ClockTime in the function."""


@tool
def add_time(
    time: Time,
    hours: Number = 0,  # pyright: ignore[reportArgumentType]  # a default is parsed like an argument
    minutes: Number = 0,  # pyright: ignore[reportArgumentType]
) -> ClockTime:
    """Find the time of day some hours and minutes after another, or before it where below 0.

    Example:
        add_time(time='9:30 PM', hours=1, minutes=45)
    """
    passed = hours * 60 + minutes
    if passed.denominator != 1:
        raise ValueError("hours and minutes must add up to whole minutes")
    return ClockTime((time.minutes + passed.numerator) % MINUTES_A_DAY, time.twelve_hours)


@tool
def minutes_between(start: Time, end: Time) -> Number:
    """Count the minutes from a time to another, on the next day where that is earlier.

    Example:
        minutes_between(start='11:30 PM', end='1:00 AM')
    """
    return Fraction((end.minutes - start.minutes) % MINUTES_A_DAY)


@tool
def add_days(date: Date, days: Number) -> date:
    """Find the date some whole days after another, or before it where below 0.

    Example:
        add_days(date='2024-02-28', days=2)
    """
    if days.denominator != 1:
        raise ValueError("days must be a whole number")
    try:
        return date + timedelta(days=days.numerator)
    except OverflowError:
        raise ValueError("the date is not in the years 1 to 9999") from None


@tool
def days_between(start: Date, end: Date) -> Number:
    """Count the days from a date to another, below 0 where the other is earlier.

    Example:
        days_between(start='2024-02-28', end='2024-03-01')
    """
    return Fraction((end - start).days)


@tool
def weekday(date: Date) -> str:
    """Name the day of the week of a date.

    Example:
        weekday(date='2024-02-29')
    """
    return WEEKDAYS[date.weekday()]

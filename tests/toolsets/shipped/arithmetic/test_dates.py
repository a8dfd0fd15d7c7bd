from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC, failure, result
from toolsets import CallError, ToolResult
from toolsets.shipped.arithmetic.dates import (
    MINUTES_A_DAY,
    WEEKDAYS,
    ClockTime,
    read_date,
    read_time,
)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("add_time(time='9:30 PM', hours=1, minutes=45)", "11:15 PM"),
        ("add_time(time='9:30 PM', hours=3)", "12:30 AM"),
        ("add_time(time='21:30', minutes=45)", "22:15"),
        ("add_time(time='00:15', hours=-0.5)", "23:45"),
        ("add_time(time='11 am', hours='1/3', minutes=40)", "12:00 PM"),
        ("add_time(time='8:05')", "08:05"),
        ("add_time(time='12:00 a.m.', hours=1000000)", "4:00 PM"),
        ("minutes_between(start='11:30 PM', end='1:00 AM')", "90"),
        ("minutes_between(start='08:00', end='8:00 PM')", "720"),
        ("minutes_between(start='7:00', end='7:00')", "0"),
        ("add_days(date='2024-02-28', days=2)", "2024-03-01"),
        ("add_days(date='2024-01-01', days=-1)", "2023-12-31"),
        ("days_between(start='2024-02-28', end='2024-03-01')", "2"),
        ("days_between(start='2024-03-01', end='2024-02-28')", "-2"),
        ("weekday(date='2024-02-29')", "Thursday"),
        ("weekday(date='1969-07-20')", "Sunday"),
    ],
)
def test_a_call_returns_its_result(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "add_time(time='8:00', minutes=0.5)",
            "add_time: hours and minutes must add up to whole minutes",
        ),
        ("add_days(date='2024-01-01', days=0.5)", "add_days: days must be a whole number"),
        (
            "add_days(date='2024-01-01', days=99999999)",
            "add_days: the date is not in the years 1 to 9999",
        ),
        (
            "add_days(date='2024-01-01', days='1e900')",
            "add_days: the date is not in the years 1 to 9999",
        ),
    ],
)
def test_the_message_of_a_failure_is_exact(text: str, message: str) -> None:
    assert result(text) == failure(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "weekday(date='29.2.2024')",
            "weekday: argument date: expected a date such as '2024-02-29', got '29.2.2024'. "
            "Use: weekday(date: string)",
        ),
        (
            "weekday(date='2023-02-29')",
            "weekday: argument date: there is no such day in the calendar, got '2023-02-29'. "
            "Use: weekday(date: string)",
        ),
        (
            "minutes_between(start='9', end='10:00')",
            "minutes_between: argument start: expected a time such as '21:30' or '9:30 PM', "
            "got '9'. Use: minutes_between(start: string, end: string)",
        ),
        (
            "minutes_between(start='9:00', end='13:00 PM')",
            "minutes_between: argument end: there is no such time on the clock, got '13:00 PM'. "
            "Use: minutes_between(start: string, end: string)",
        ),
    ],
)
def test_the_message_for_a_bad_argument_is_exact(text: str, message: str) -> None:
    with pytest.raises(CallError) as caught:
        ARITHMETIC.parse(text)
    assert (str(caught.value), caught.value.kind) == (message, "bad_arguments")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("0:00", 0), ("23:59", 1439), ("12 am", 0), ("12:01PM", 721), (" 1:05 p.m. ", 785)],
)
def test_a_time_is_parsed(text: str, minutes: int) -> None:
    assert read_time(text).minutes == minutes


@pytest.mark.parametrize("text", ["24:00", "8:60", "0:30 am", "13 pm", "8:5", "8", "", 8, "٨:00"])
def test_an_invalid_time_raises_value_error(text: object) -> None:
    with pytest.raises(ValueError, match=r"^(expected a time|there is no such time)"):
        read_time(text)


@pytest.mark.parametrize("text", ["", "2024-1-1", "20240101", "2024-W01-1", "0000-01-01", 20240101])
def test_an_invalid_date_raises_value_error(text: object) -> None:
    with pytest.raises(ValueError, match=r"^(expected a date|there is no such day)"):
        read_date(text)


@given(st.integers(0, MINUTES_A_DAY - 1), st.booleans())
def test_a_formatted_time_parses_to_the_same_time(minutes: int, twelve_hours: bool) -> None:
    time = ClockTime(minutes, twelve_hours)
    assert read_time(str(time)) == time


@given(st.integers(0, MINUTES_A_DAY - 1), st.integers(0, MINUTES_A_DAY - 1), st.booleans())
def test_adding_the_minutes_between_two_times_gives_the_second(
    first: int, second: int, twelve_hours: bool
) -> None:
    start, end = ClockTime(first, twelve_hours), ClockTime(second, twelve_hours)
    minutes = ARITHMETIC["minutes_between"](start, end)
    assert 0 <= minutes < MINUTES_A_DAY
    assert ARITHMETIC["add_time"](start, Fraction(0), minutes) == end


@given(st.dates(), st.dates())
def test_adding_the_days_between_two_dates_gives_the_second(start: date, end: date) -> None:
    days = ARITHMETIC["days_between"](start, end)
    assert ARITHMETIC["add_days"](start, days) == end


@given(st.dates(max_value=date(9999, 12, 30)))
def test_consecutive_days_have_consecutive_weekdays(day: date) -> None:
    today, tomorrow = (ARITHMETIC["weekday"](d) for d in (day, day + timedelta(days=1)))
    assert WEEKDAYS.index(tomorrow) == (WEEKDAYS.index(today) + 1) % 7

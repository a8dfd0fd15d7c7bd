from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC, failure, result
from toolsets import ToolResult
from toolsets.shipped.arithmetic.units import DEFINITIONS, LONGEST_UNIT

NAMES = [definition.partition(" ")[0] for definition in DEFINITIONS]


@pytest.mark.parametrize(
    ("value", "old", "new", "content"),
    [
        ("90", "minutes", "hours", "1.5"),
        ("1", "day", "seconds", "86400"),
        ("2", "fortnights", "days", "28"),
        ("30", "mins", "hr", "0.5"),
        ("500", "ms", "s", "0.5"),
        ("100", "minutes", "hours", "1.66666666666667"),
        ("2", "years", "months", "24"),
        ("1", "century", "decades", "10"),
        ("3", "feet", "inches", "36"),
        ("2.5", "miles", "yards", "4400"),
        ("1", "in", "cm", "2.54"),
        ("5", "km", "m", "5000"),
        ("3", "lbs", "ounces", "48"),
        ("1", "ton", "pounds", "2000"),
        ("1", "pound", "grams", "453.59237"),
        ("2", "gallons", "pints", "16"),
        ("3", "teaspoons", "tbsp", "1"),
        ("1", "fluid ounce", "ml", "29.5735295625"),
        ("8", "fl oz", "cups", "1"),
        ("1", "m^3", "liters", "1000"),
        ("3", "square feet", "inch**2", "432"),
        ("1", "acre", "square yards", "4840"),
        ("60", "miles per hour", "ft/s", "88"),
        ("60", "mph", "km/h", "96.56064"),
        ("212", "F", "C", "100"),
        ("-40", "degrees Celsius", "°F", "-40"),
        ("20", "celsius", "kelvin", "293.15"),
        ("1", "celsius/hour", "fahrenheit/hour", "1.8"),
        ("7", "quarters", "dollars", "1.75"),
        ("15", "dollars/hour", "cents / minute", "25"),
        ("3", "dozen", "pairs", "18"),
        ("4", "score", "one", "80"),
        ("50", "%", "one", "0.5"),
        ("1", "MINUTES", "Seconds", "60"),
        ("'1/3'", "hour", "minutes", "20"),
    ],
)
def test_a_value_is_converted_exactly(value: str, old: str, new: str, content: str) -> None:
    call = f"convert(value={value}, from_unit={old!r}, to_unit={new!r})"
    assert result(call) == ToolResult(True, content)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "km",
            "hours",
            "cannot convert km to hours: km measures length, hours measures time",
        ),
        (
            "mph",
            "feet^2",
            "cannot convert mph to feet^2: mph measures length / time, feet^2 measures length^2",
        ),
        (
            "dozen",
            "dollars",
            "cannot convert dozen to dollars: dozen measures a number, dollars measures money",
        ),
        (
            "years",
            "weeks",
            "cannot convert years to weeks: a month or year has no fixed number of days; "
            "multiply or divide by the number that the problem means",
        ),
        ("minuts", "hour", "there is no unit 'minuts'; did you mean minute?"),
        ("eggs", "dozen", "there is no unit 'eggs'"),
        ("", "m", "'' is not a unit; expected one such as 'hours' or 'miles per hour'"),
        ("m+1", "m", "'m+1' is not a unit; expected one such as 'hours' or 'miles per hour'"),
        ("m^9999", "m", "'m^9999' is not a unit; expected one such as 'hours' or 'miles per hour'"),
        ("nan", "m", "'nan' is not a unit; expected one such as 'hours' or 'miles per hour'"),
        ("m", "m " * LONGEST_UNIT, "a unit has at most 50 characters"),
    ],
)
def test_the_message_for_a_failed_conversion_is_exact(old: str, new: str, message: str) -> None:
    call = f"convert(value=1, from_unit={old!r}, to_unit={new!r})"
    assert result(call) == failure(f"convert: {message}")


def test_a_result_over_the_digit_limit_is_rejected() -> None:
    old, new = "millennium^3*millennium^3", "month^3*month^3"
    call = f"convert(value='1e990', from_unit='{old}', to_unit='{new}')"
    message = "convert: the number has more than 1,000 digits"
    assert result(call) == failure(message, "limit_exceeded")


def test_units_defined_only_by_pint_are_unknown() -> None:
    assert not result("convert(value=1, from_unit='light_year', to_unit='km')").ok
    assert not result("convert(value=1, from_unit='kilohour', to_unit='hours')").ok


@given(st.fractions(), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_converting_back_gives_the_original_value(value: Fraction, old: str, new: str) -> None:
    convert = ARITHMETIC["convert"]
    try:
        converted = convert(value, old, new)
    except ValueError as error:
        assert str(error).startswith(f"cannot convert {old} to {new}: ")
        return
    assert convert(converted, new, old) == value


WORDS = [*NAMES, "per", "square", "cubed", "nan", "inf", "in", "not", "lambda", "_", "s", "delta_c"]
JOINS = ["", " ", "/", "*", " per ", "^2 ", "**3/", "//", "("]


@given(st.lists(st.sampled_from(WORDS) | st.sampled_from(JOINS), max_size=6).map("".join))
def test_any_text_converts_to_itself_or_raises_a_known_error(text: str) -> None:
    try:
        assert ARITHMETIC["convert"](Fraction(7, 3), text, text) == Fraction(7, 3)
    except ValueError as error:
        assert str(error).startswith(
            ("there is no unit ", f"{text!r} is not a unit; ", "a unit has ")
        )

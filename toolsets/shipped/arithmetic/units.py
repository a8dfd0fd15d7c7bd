"""Exact conversion between the units of grade-school problems, with pint and rational numbers.

The units are defined here, because pint's own do not fit: its year has 365.25 days, its `decade`
is a ratio, its `F` a farad. Months and years are one kind of quantity, days and weeks another,
because a month has no fixed number of days. Gallons, pints, cups and tons are those of the United
States. Names are case-insensitive, with or without a plural s.

pint is imported by the first call, in a third of a second (it imports numpy if installed).
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from toolsets.errors import nearest
from toolsets.tools.decorator import tool
from toolsets.tools.tool import Number

if TYPE_CHECKING:
    from pint import UnitRegistry

LONGEST_UNIT = 50  # characters; bounds the powers in a product of units

# "unit = value = symbol = other names"; `_` means no symbol
DEFINITIONS = (
    "second = [time] = s = sec",
    "millisecond = second / 1000 = ms",  # otherwise parsed as the plural of m
    "minute = 60 * second = _ = min",
    "hour = 60 * minute = h = hr",
    "day = 24 * hour",
    "week = 7 * day",
    "fortnight = 14 * day",
    "month = [months]",
    "year = 12 * month = _ = yr",
    "decade = 10 * year",
    "century = 100 * year = _ = centuries",
    "millennium = 1000 * year = _ = millennia",
    "meter = [length] = m = metre",
    "kilometer = 1000 * meter = km = kilometre",
    "centimeter = meter / 100 = cm = centimetre",
    "millimeter = meter / 1000 = mm = millimetre",
    "inch = 0.0254 * meter = in = inches",
    "foot = 12 * inch = ft = feet",
    "yard = 3 * foot = yd",
    "mile = 5280 * foot = mi",
    "gram = [mass] = g",
    "kilogram = 1000 * gram = kg",
    "milligram = gram / 1000 = mg",
    "tonne = 1000 * kilogram",
    "pound = 453.59237 * gram = lb",
    "ounce = pound / 16 = oz",
    "ton = 2000 * pound",
    "liter = meter**3 / 1000 = l = litre",
    "milliliter = liter / 1000 = ml = millilitre",
    "gallon = 231 * inch**3 = gal",
    "quart = gallon / 4 = qt",
    "pint = gallon / 8 = pt",
    "cup = gallon / 16",
    "fluid_ounce = gallon / 128 = _ = fluid_oz",
    "tablespoon = gallon / 256 = tbsp",
    "teaspoon = gallon / 768 = tsp",
    "acre = 43560 * foot**2",
    "hectare = 10000 * meter**2 = ha",
    "mph = mile / hour",
    "kph = kilometer / hour = kmh",
    "dollar = [money] = usd",
    "cent = dollar / 100 = _ = penny = pennies",
    "nickel = dollar / 20",
    "dime = dollar / 10",
    "quarter = dollar / 4",
    "one = []",
    "percent = 0.01 = %",
    "pair = 2",
    "dozen = 12",
    "score = 20",
    "gross = 144",
    "hundred = 100",
    "thousand = 1000",
    "million = 1000000",
    "billion = 1000000000",
    "kelvin = [temperature]; offset: 0",
    "celsius = kelvin; offset: 273.15 = c = degc = centigrade",
    "fahrenheit = 5 / 9 * kelvin; offset: 233.15 + 200 / 9 = f = degf",
)

_NAME = r"[a-z%_]+(?:(?:\^|\*\*)[23])?"
_DEGREES = re.compile(r"°|\bdegrees? (?=[a-z])")
_FLUID = re.compile(r"\bfl(?:uid)? (?=oz|ounces?\b)")
_UNIT = re.compile(rf"{_NAME}(?:(?: ?[/*] ?| ){_NAME})*")


@tool
def convert(value: Number, from_unit: str, to_unit: str) -> Number:
    """Convert a value from one unit to another.

    Example:
        convert(value=90, from_unit='minutes', to_unit='hours')
    """
    old, new = _unit(from_unit), _unit(to_unit)
    if old.dimensionality != new.dimensionality:
        raise ValueError(_incompatible(from_unit, _kind(old), to_unit, _kind(new)))
    return Fraction(_registry().Quantity(value, old).to(new).magnitude)


def _unit(text: str) -> Any:
    """Parse a unit; raises ValueError."""
    from pint.errors import UndefinedUnitError

    if len(text) > LONGEST_UNIT:
        raise ValueError(f"a unit has at most {LONGEST_UNIT} characters")
    normalized = " ".join(_DEGREES.sub("", text.casefold()).split())
    try:
        if _UNIT.fullmatch(normalized):
            return _registry().parse_units(_FLUID.sub("fluid_", normalized))
    except UndefinedUnitError as error:
        raise ValueError(_unknown_unit(*error.unit_names)) from None
    except ValueError:  # a syntax error of pint, such as a surplus `per`, or its `nan`
        pass
    raise ValueError(f"{text!r} is not a unit; expected one such as 'hours' or 'miles per hour'")


def _unknown_unit(name: str, *others: str) -> str:
    near = nearest(name, (definition.partition(" ")[0] for definition in DEFINITIONS))
    return f"there is no unit {name!r}" + (f"; did you mean {near}?" if near else "")


def _kind(unit: Any) -> str:
    """The quantity that a unit measures, such as `length / time`."""
    powers = {str(name)[1:-1]: power for name, power in unit.dimensionality.items()}
    numerator = [_power(name, power) for name, power in powers.items() if power > 0]
    denominator = [_power(name, -power) for name, power in powers.items() if power < 0]
    return " / ".join([" * ".join(numerator) or "a number", *denominator])


def _power(name: str, power: Fraction) -> str:
    return name if power == 1 else f"{name}^{power}"


def _incompatible(old: str, old_kind: str, new: str, new_kind: str) -> str:
    if {old_kind, new_kind} == {"time", "months"}:
        return (
            f"cannot convert {old} to {new}: a month or year has no fixed number of days; "
            "multiply or divide by the number that the problem means"
        )
    return f"cannot convert {old} to {new}: {old} measures {old_kind}, {new} measures {new_kind}"


@functools.cache
def _registry() -> UnitRegistry:
    from pint import UnitRegistry

    registry = UnitRegistry(
        None,  # pyright: ignore[reportArgumentType]  # None: an empty registry, as documented
        non_int_type=Fraction,  # pyright: ignore[reportArgumentType]  # documented too
        autoconvert_offset_to_baseunit=True,
    )
    for definition in DEFINITIONS:
        registry.define(definition)
    return registry

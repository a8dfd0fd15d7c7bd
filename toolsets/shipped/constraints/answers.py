"""The text of the solver's answers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from toolsets.shipped.constraints.model import Model
from toolsets.shipped.constraints.solver import Statement
from toolsets.tools.numbers import write_number

UNDECIDED = "Undecided: the solver gave up; fewer values or simpler constraints may help"


def write_values(model: Model, values: dict[str, Any], only: set[str] | None = None) -> str:
    """`x = 3, door = red`, in order of declaration; of the names in `only` if it is given."""
    shown = [name for name in values if only is None or name in only]
    return ", ".join(_assignment(model, name, values[name]) for name in shown)


def write_contradiction(statements: list[Statement]) -> str:
    """A sentence that lists contradicting statements."""
    return f"These constraints cannot all hold: {'; '.join(s.text for s in statements)}"


def write_quantity(value: Any) -> str:
    """A Z3 number: exact if rational, else with 15 decimals."""
    import z3

    if z3.is_algebraic_value(value):
        return value.as_decimal(15).rstrip("?")
    exact = Fraction(value.as_string())
    text = write_number(exact)
    return text if Fraction(text) == exact else str(exact)


def _assignment(model: Model, name: str, value: Any) -> str:
    import z3

    kind = model.domains[name].kind
    if kind == "truth":
        return f"{name} = {'true' if z3.is_true(value) else 'false'}"
    if kind == "name":
        return f"{name} = {model.names[value.as_long()]}"
    sign = "≈" if z3.is_algebraic_value(value) else "="
    return f"{name} {sign} {write_quantity(value)}"

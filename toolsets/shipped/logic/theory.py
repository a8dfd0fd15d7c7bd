"""Read the premises and the conclusion of a derivation, strictly: nothing is repaired.

Not here: rules (`toolsets.shipped.logic.rules`), the functions that a model calls (`derivations`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from toolsets.errors import nearest
from toolsets.languages.formula.syntax import Formula, Symbol, symbols
from toolsets.shipped.logic.reading import ambiguities, read_formula, read_formulas

Premises = Annotated[
    list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
]
"""The type of a parameter for a list of formulas; a text is a list of one formula."""

_NUMBER = re.compile(r"\d+(\.\d+)?")


class Theory(NamedTuple):
    """Premises, a conclusion or None, and warnings about names."""

    premises: list[Formula]
    conclusion: Formula | None
    warnings: list[str]

    @property
    def asked(self) -> Formula:
        """The conclusion; raises ValueError if it is empty."""
        if self.conclusion is None:
            raise ValueError("conclusion is empty; write a formula")
        return self.conclusion


def read_theory(premises: Sequence[str], conclusion: str = "") -> Theory:
    """Parse all formulas; raises as `read_formula`, and for a name with two roles."""
    known = read_formulas(premises, "premise")
    asked = read_formula(conclusion, "conclusion") if conclusion.strip() else None
    formulas = [*known, asked] if asked else known
    _check_roles(formulas)
    return Theory(known, asked, ambiguities(formulas))


def unmentioned(theory: Theory) -> list[str]:
    """A warning for each name that occurs in the conclusion only, as it may be a typo."""
    known = symbols(*theory.premises)
    unknown = [symbol for symbol in symbols(theory.asked) if symbol not in known]
    return [
        f"no premise mentions {symbol.name}{_arguments(symbol)}"
        + (f"; is {near} meant?" if (near := _nearest(symbol, known)) else "")
        for symbol in unknown
    ]


def check_numbers(theory: Theory) -> None:
    """Raise ValueError if one number is written in two ways, which would be two things."""
    formulas = [*theory.premises, *([theory.conclusion] if theory.conclusion else [])]
    spelled: dict[Fraction, str] = {}
    for symbol in symbols(*formulas):
        if symbol[::2] == ("function", 0) and _NUMBER.fullmatch(symbol.name):
            first = spelled.setdefault(Fraction(symbol.name), symbol.name)
            if first != symbol.name:
                raise ValueError(f"{first} and {symbol.name} are one number; write it in one way")


def _arguments(symbol: Symbol) -> str:
    return f" with {symbol.arity} arguments" if symbol.arity > 1 else ""


def _nearest(symbol: Symbol, known: Sequence[Symbol]) -> str | None:
    return nearest(symbol.name, [one.name for one in known if one[::2] == symbol[::2]])


def _check_roles(formulas: Sequence[Formula]) -> None:
    """Raise ValueError if a name is a predicate in one formula and a thing in another."""
    used = symbols(*formulas)
    predicates = {symbol.name for symbol in used if symbol.kind == "predicate"}
    things = {symbol.name for symbol in used if symbol.kind == "function"}
    if both := sorted(predicates & things):
        raise ValueError(
            f"{both[0]} is used both as a predicate and as a thing; rename one of the two"
        )

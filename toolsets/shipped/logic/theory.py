"""Read the premises and the conclusion of a derivation, strictly: nothing is repaired.

Not here: rules (`toolsets.shipped.logic.rules`), the functions that a model calls (`derivations`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from toolsets.languages.formula.syntax import Formula, Symbol, symbols
from toolsets.shipped.logic.reading import ambiguities, check_names, read_formula, read_formulas

UNBOUND = frozenset("uvwxyzUVWXYZ")  # names that are meant as variables
SIMILAR = 0.7  # at least, of names that may be typos of each other; 1 is equal
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
    check_names(formulas)
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


def check_things(theory: Theory) -> None:
    """Raise ValueError for a thing with the name of a variable, or a number in two spellings."""
    formulas = [*theory.premises, *([theory.conclusion] if theory.conclusion else [])]
    spelled: dict[Fraction, str] = {}
    for name in [one.name for one in symbols(*formulas) if one[::2] == ("function", 0)]:
        if name in UNBOUND:
            raise ValueError(
                f"{name} is not bound by a quantifier; write ∀{name} (…) or ∃{name} (…)"
            )
        if _NUMBER.fullmatch(name):
            first = spelled.setdefault(Fraction(name), name)
            if first != name:
                raise ValueError(f"{first} and {name} are one number; write it in one way")


def _arguments(symbol: Symbol) -> str:
    return f" with {symbol.arity} arguments" if symbol.arity > 1 else ""


def _nearest(symbol: Symbol, known: Sequence[Symbol]) -> str | None:
    names = [one.name for one in known if one[::2] == symbol[::2]]
    return next(iter(difflib.get_close_matches(symbol.name, names, 1, SIMILAR)), None)

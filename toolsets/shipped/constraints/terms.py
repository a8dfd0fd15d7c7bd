"""Z3 expressions with their kinds, shared by `model` and `meanings`."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any, NamedTuple

from toolsets.shipped.constraints.domains import Kind

KIND_NAMES = {"whole": "number", "real": "number", "truth": "condition", "name": "name"}
COMPARE = {
    **{"=": operator.eq, "≠": operator.ne, "<": operator.lt},
    **{"≤": operator.le, ">": operator.gt, "≥": operator.ge},
}


class Term(NamedTuple):
    """A Z3 expression and its kind."""

    kind: Kind
    z3: Any


class Terms:
    """Terms of one Z3 context, and the conditions under which they are defined."""

    def __init__(self) -> None:
        import z3

        self.context = z3.Context()
        self.conditions: list[tuple[str, Any]] = []

    def value(self, value: Fraction) -> Any:
        """A Z3 number."""
        import z3

        if value.denominator == 1:
            return z3.IntVal(value.numerator, self.context)
        return z3.RealVal(str(value), self.context)

    def condition(self, term: Term) -> Term:
        """Return `term`; raises ValueError if it is not a condition."""
        if term.kind == "truth":
            return term
        raise ValueError(f"expected a condition such as x > 3, got a {KIND_NAMES[term.kind]}")

    def number(self, term: Term) -> Term:
        """Return `term`; raises ValueError if it is not a number."""
        if term.kind in ("whole", "real"):
            return term
        raise ValueError(f"expected a number, got a {KIND_NAMES[term.kind]}")

    def numbers(self, terms: list[Term]) -> tuple[Kind, list[Any]]:
        """Convert terms to numbers, all real if one is; a condition counts as 1 or 0."""
        import z3

        one, zero = (self.value(Fraction(k)) for k in (1, 0))
        counted = [
            Term("whole", z3.If(t.z3, one, zero)) if t.kind == "truth" else self.number(t)
            for t in terms
        ]
        real = any(term.kind == "real" for term in counted)
        values = [z3.ToReal(t.z3) if real and t.kind == "whole" else t.z3 for t in counted]
        return ("real" if real else "whole"), values

    def truths(self, terms: list[Term]) -> list[Any]:
        """The Z3 formulas of conditions; raises ValueError for another term."""
        return [self.condition(term).z3 for term in terms]

    def require(self, text: str, condition: Any) -> None:
        """Record a condition under which a constraint is defined, with its text."""
        self.conditions.append((text, condition))

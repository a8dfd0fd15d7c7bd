"""Z3 expressions with their kinds: what a model and the meanings of its operators both need."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any, NamedTuple

from toolsets.shipped.constraints.domains import Kind

SAID = {"whole": "number", "real": "number", "truth": "statement", "name": "name"}
COMPARE = {
    **{"=": operator.eq, "≠": operator.ne, "<": operator.lt},
    **{"≤": operator.le, ">": operator.gt, "≥": operator.ge},
}


class Term(NamedTuple):
    """A Z3 expression and what kind of thing it stands for."""

    kind: Kind
    z3: Any


class Terms:
    """Terms of one Z3 context, and the conditions under which they make sense."""

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

    def of_kind(self, term: Term, kind: Kind) -> Term:
        """`term`; raises ValueError where it is of another kind."""
        if term.kind != kind:
            raise ValueError(f"a {SAID[kind]} is expected where a {SAID[term.kind]} stands")
        return term

    def number(self, term: Term) -> Term:
        """`term`; raises ValueError where it is no number."""
        if term.kind in ("whole", "real"):
            return term
        raise ValueError(f"a number is expected where a {SAID[term.kind]} stands")

    def numbers(self, terms: list[Term]) -> tuple[Kind, list[Any]]:
        """Terms as numbers: real where one is; a truth counts as 1 or 0."""
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
        """Terms as formulas."""
        return [self.of_kind(term, "truth").z3 for term in terms]

    def require(self, text: str, condition: Any) -> None:
        """Note what must hold for a constraint to make sense."""
        self.conditions.append((text, condition))

"""Translate each operator and function of a constraint to a Z3 term.

Each translation takes the model and the terms of its arguments. Not here: comparisons, powers and
`in` (`toolsets.shipped.constraints.model`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.shipped.constraints.terms import Term, Terms

MOST_PAIRS = 2_000  # of terms in one `apart`

Meaning = Callable[[Terms, list[Term]], Term]


def _sum(model: Terms, terms: list[Term]) -> Term:
    import z3

    kind, values = model.numbers(terms)
    return Term(kind, z3.Sum(values))


def _product(model: Terms, terms: list[Term]) -> Term:
    kind, (product, *others) = model.numbers(terms)
    for value in others:
        product = product * value
    return Term(kind, product)


def _minus(model: Terms, terms: list[Term]) -> Term:
    kind, (value,) = model.numbers(terms)
    return Term(kind, -value)


def _quotient(model: Terms, terms: list[Term]) -> Term:
    import z3

    _, (above, below) = model.numbers(terms)
    _require_nonzero(model, below)
    exact: list[Any] = [v if z3.is_real(v) else z3.ToReal(v) for v in (above, below)]
    return Term("real", exact[0] / exact[1])


def _rounded_quotient(model: Terms, terms: list[Term]) -> Term:
    import z3

    above, below = _whole_pair(model, terms, "//")
    _require_nonzero(model, below)
    return Term("whole", z3.If(below > 0, above / below, (-above) / (-below)))  # Z3's / rounds down


def _remainder(model: Terms, terms: list[Term]) -> Term:
    above, below = _whole_pair(model, terms, "%")
    if str(below).isdigit() and str(below) != "0":
        return Term("whole", above % below)
    return Term("whole", above - below * _rounded_quotient(model, terms).z3)


def _absolute(model: Terms, terms: list[Term]) -> Term:
    import z3

    kind, (value,) = model.numbers(terms)
    return Term(kind, z3.If(value >= 0, value, -value))


def _floor(model: Terms, terms: list[Term]) -> Term:
    import z3

    kind, (value,) = model.numbers(terms)
    return Term("whole", z3.ToInt(value) if kind == "real" else value)


def _ceiling(model: Terms, terms: list[Term]) -> Term:
    import z3

    kind, (value,) = model.numbers(terms)
    return Term("whole", -z3.ToInt(-value) if kind == "real" else value)


def _round(model: Terms, terms: list[Term]) -> Term:
    """Half up, away from 0, as `round_number` of arithmetic."""
    import z3

    kind, (value,) = model.numbers(terms)
    if kind == "whole":
        return Term(kind, value)
    half = model.value(Fraction(1, 2))
    return Term("whole", z3.If(value >= 0, z3.ToInt(value + half), -z3.ToInt(half - value)))


def _extreme(better: Callable[[Any, Any], Any]) -> Meaning:
    def meaning(model: Terms, terms: list[Term]) -> Term:
        import z3

        kind, (best, *others) = model.numbers(terms)
        for value in others:
            best = z3.If(better(value, best), value, best)
        return Term(kind, best)

    return meaning


def _distinct(model: Terms, terms: list[Term]) -> Term:
    import z3

    if all(term.kind == terms[0].kind for term in terms):
        return Term("truth", z3.Distinct(*(term.z3 for term in terms)))
    return Term("truth", z3.Distinct(*model.numbers(terms)[1]))


def _apart(model: Terms, terms: list[Term]) -> Term:
    import z3

    _, (distance, *values) = model.numbers(terms)
    pairs = list(itertools.combinations(values, 2))
    if len(pairs) > MOST_PAIRS:
        raise LimitExceeded(f"apart compares more than {MOST_PAIRS:,} pairs")
    far = [z3.Or(a - b >= distance, b - a >= distance) for a, b in pairs]
    return Term("truth", z3.And(*far) if far else z3.BoolVal(True, model.context))


def _count(model: Terms, terms: list[Term]) -> Term:
    import z3

    return Term("whole", z3.Sum([z3.If(truth, 1, 0) for truth in model.truths(terms)]))


def _counted(compare: Callable[[Any, Any], Any]) -> Meaning:
    def meaning(model: Terms, terms: list[Term]) -> Term:
        _, (wanted,) = model.numbers(terms[:1])
        return Term("truth", compare(_count(model, terms[1:]).z3, wanted))

    return meaning


def _choice(model: Terms, terms: list[Term]) -> Term:
    import z3

    (condition,) = model.truths(terms[:1])
    then, otherwise = terms[1:]
    if then.kind != otherwise.kind:
        kind, values = model.numbers([then, otherwise])
        return Term(kind, z3.If(condition, *values))
    return Term(then.kind, z3.If(condition, then.z3, otherwise.z3))


def _logical(connect: Callable[..., Any]) -> Meaning:
    return lambda model, terms: Term("truth", connect(*model.truths(terms)))


def _z3(name: str) -> Callable[..., Any]:
    def connect(*truths: Any) -> Any:
        import z3

        return getattr(z3, name)(*truths)

    return connect


def _whole_pair(model: Terms, terms: list[Term], sign: str) -> list[Any]:
    kind, values = model.numbers(terms)
    if kind != "whole":
        raise ValueError(f"{sign} needs whole numbers; got a number that may not be whole")
    return values


def _require_nonzero(model: Terms, divisor: Any) -> None:
    if (text := str(divisor)) == "0":
        raise ValueError("a constraint divides by 0")
    model.require(f"{text} is not 0, as it is a divisor", divisor != 0)


MEANINGS: dict[str, Meaning] = {
    **{"+": _sum, "*": _product, "-": _minus, "/": _quotient, "sum": _sum, "count": _count},
    **{"//": _rounded_quotient, "div": _rounded_quotient, "%": _remainder, "mod": _remainder},
    "round": _round,
    **{"abs": _absolute, "floor": _floor, "ceil": _ceiling, "if": _choice, "apart": _apart},
    **{"min": _extreme(lambda a, b: a < b), "max": _extreme(lambda a, b: a > b)},
    **dict.fromkeys(("distinct", "all_different", "alldistinct", "allunique"), _distinct),
    "exactly": _counted(lambda count, wanted: count == wanted),
    "at_least": _counted(lambda count, wanted: count >= wanted),
    "at_most": _counted(lambda count, wanted: count <= wanted),
    **{"and": _logical(_z3("And")), "or": _logical(_z3("Or")), "not": _logical(_z3("Not"))},
    **{"xor": _logical(_z3("Xor")), "→": _logical(_z3("Implies"))},
    "↔": _logical(lambda a, b: a == b),
}

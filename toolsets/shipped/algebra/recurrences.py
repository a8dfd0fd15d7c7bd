"""Terms of recurrences, and formulas for linear ones with constant coefficients.

Not here: reading them (`sequences`). A formula is compared with terms that are computed one by one.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Name, Tree
from toolsets.shipped.algebra.rewriting import simplest, write_value
from toolsets.shipped.algebra.sequences import (
    Recurrence,
    offset,
    read_initial,
    read_recurrence,
    replace_terms,
    terms,
)
from toolsets.shipped.algebra.symbolic import Whole, build, write
from toolsets.tools.decorator import tool

HIGHEST_ORDER = 4
COMPARED = 12  # terms by which a formula is checked
NO_FORMULA = "no formula was found; recurrence_term computes single terms"

Texts = Annotated[
    list[str],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


@tool
def recurrence_term(recurrence: str, initial: Texts, n: Whole) -> str:
    """Compute the term with index n of a sequence from its recurrence and first terms, exactly.

    Example:
        recurrence_term(recurrence="a(n) = a(n-1) + a(n-2)", initial=["a(1) = 1", "a(2) = 1"], n=20)
    """
    rule = read_recurrence(recurrence)
    return write_value(_rational(terms(rule, read_initial(rule, initial), n)[n]))


@tool
def solve_recurrence(recurrence: str, initial: Texts) -> str:
    """Find a formula for all terms of a linear recurrence with constant coefficients.

    Example:
        solve_recurrence(recurrence="a(n) = 2*a(n-1) + 1", initial="a(0) = 0")
    """
    import sympy

    rule = read_recurrence(recurrence)
    known = read_initial(rule, initial)
    equation, order = _linear(rule)
    first = min(known)
    expected = terms(rule, known, max(*known, first + order + COMPARED))
    n, sequence = sympy.Symbol(rule.index), sympy.Function(rule.name)
    start = {sequence(k): _rational(expected[k]) for k in range(first, first + order)}
    try:
        found = sympy.rsolve(equation, sequence(n), start) if order else equation
    except (AttributeError, NotImplementedError, ValueError):  # so it ends where it finds none
        found = None
    formula = None if found is None else simplest(found)
    if formula is None or not all(_equal(formula.subs(n, k), v) for k, v in expected.items()):
        raise ValueError(NO_FORMULA)
    return f"{rule.name}({rule.index}) = {write(formula)}"


def _linear(rule: Recurrence) -> tuple[Any, int]:
    """The recurrence as a sympy expression that is 0, and its order; raises ValueError."""
    import sympy

    n, sequence = sympy.Symbol(rule.index), sympy.Function(rule.name)
    offsets: dict[str, int] = {}

    def placeholder(index: Tree) -> Tree:
        at = offset(index, rule.index)
        if at.denominator != 1 or at >= rule.shift:
            raise ValueError(f"the right side must contain earlier terms of {rule.name} only")
        name = f"{rule.name}__{rule.shift - at.numerator}"
        offsets[name] = at.numerator - rule.shift
        return Name(name)

    right = build(replace_terms(rule.right, rule.name, placeholder), [rule.index])
    right = right.subs(n, n - rule.shift)
    if unknown := {str(s) for s in right.free_symbols} - {rule.index, *offsets}:
        raise ValueError(f"{min(unknown)} has no value")
    order = -min(offsets.values(), default=0)
    if order > HIGHEST_ORDER:
        raise LimitExceeded(f"the order {order} is above {HIGHEST_ORDER}")
    symbols = {sympy.Symbol(name): at for name, at in offsets.items()}
    right = right.expand()
    coefficients = {symbol: right.coeff(symbol) for symbol in symbols}
    rest = (right - sum(c * s for s, c in coefficients.items())).expand()
    if rest.has(*symbols) or not all(c.is_Rational for c in coefficients.values()):
        raise ValueError("the recurrence is not linear with constant coefficients; no formula")
    _check_roots({-symbols[s]: c for s, c in coefficients.items()}, order)
    known = sum(c * sequence(n + symbols[s]) for s, c in coefficients.items())
    return (sequence(n) - known - rest, order) if symbols else (rest, 0)


def _check_roots(coefficients: dict[int, Any], order: int) -> None:
    """Raise ValueError if the characteristic polynomial has roots without a short form."""
    import sympy

    x = sympy.Symbol("x")
    earlier = sum(c * x ** (order - back) for back, c in coefficients.items())
    _, factors = sympy.Poly(x**order - earlier, x).factor_list()
    if any(factor.degree() > 2 for factor, _ in factors):
        raise ValueError(NO_FORMULA)


def _rational(value: Fraction) -> Any:
    import sympy

    return sympy.Rational(value.numerator, value.denominator)


def _equal(value: Any, expected: Fraction) -> bool:
    """Whether a number is a rational one; irrational parts that cancel are compared rounded."""
    if value.is_Rational:
        return value == _rational(expected)
    difference = (value - _rational(expected)).evalf(40)
    return bool(abs(difference) < (1 + abs(expected)) * Fraction(1, 10**30))

"""Derivatives, integrals, limits, sums and products.

Bounds are put into the expression as trees first, so that what they make of it is measured.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Constant, Tree, names, replace
from toolsets.shipped.algebra.rewriting import simplest, write_value
from toolsets.shipped.algebra.sizes import measure
from toolsets.shipped.algebra.symbolic import Expression, Value, Variable, build, write
from toolsets.tools.decorator import tool

HIGHEST_ORDER = 20
MOST_TERMS = 1_000  # of a sum that is added up term by term


@tool
def derivative(expression: Expression, variable: Variable, order: int = 1) -> str:
    """Differentiate an expression.

    Example:
        derivative(expression="x**3 + sin(x)", variable="x")
    """
    import sympy

    if not 1 <= order <= HIGHEST_ORDER:
        raise LimitExceeded(f"order must be from 1 to {HIGHEST_ORDER}")
    found = build(expression, [variable])
    for _ in range(order):
        found = simplest(sympy.diff(found, sympy.Symbol(variable)))
    return write(found)


@tool
def integral(
    expression: Expression,
    variable: Variable,
    lower: Value | None = None,
    upper: Value | None = None,
) -> str:
    """Integrate an expression: between bounds where both are given, else without the constant.

    Example:
        integral(expression="x**2", variable="x", lower=0, upper=3)
    """
    import sympy

    if (lower is None) != (upper is None):
        raise ValueError("give both bounds or none")
    x, whole = sympy.Symbol(variable), build(expression, [variable])
    if lower is None or upper is None:
        return write(_done(sympy.integrate(whole, x)))
    bounds = _bounds(expression, variable, lower, upper)
    return _write(simplest(_done(sympy.integrate(whole, (x, *bounds)))))


@tool
def limit(
    expression: Expression,
    variable: Variable,
    point: Value,
    direction: Literal["both", "left", "right"] = "both",
) -> str:
    """Find what an expression tends to as the variable comes to a point, which may be oo.

    Example:
        limit(expression="sin(x)/x", variable="x", point=0)
    """
    import sympy

    x, whole = sympy.Symbol(variable), build(expression, [variable])
    if whole.has(sympy.Max, sympy.Min):
        raise ValueError("the limit of a min or max cannot be found")
    _check_at(expression, variable, point)
    place = build(point)
    if place.is_infinite or direction != "both":
        side = "+" if direction == "right" else "-"
        return _write(_done(sympy.limit(whole, x, place, side)))
    left, right = (_done(sympy.limit(whole, x, place, side)) for side in ("-", "+"))
    if left != right:
        return f"no limit: {_write(left)} from the left, {_write(right)} from the right"
    return _write(left)


@tool
def summation(expression: Expression, variable: Variable, lower: Value, upper: Value) -> str:
    """Add an expression up over the whole numbers between two bounds; upper may be oo.

    Example:
        summation(expression="k**2", variable="k", lower=1, upper=10)
    """
    import sympy

    k, whole = sympy.Symbol(variable), build(expression, [variable])
    bounds = _bounds(expression, variable, lower, upper)
    if terms := _terms(expression, variable, bounds):
        return _write(simplest(sympy.Add(*terms)))
    return _write(simplest(_done(sympy.summation(whole, (k, *bounds)))))


@tool
def product(expression: Expression, variable: Variable, lower: Value, upper: Value) -> str:
    """Multiply an expression over the whole numbers between two bounds.

    Example:
        product(expression="k", variable="k", lower=1, upper=5)
    """
    import sympy

    k, whole = sympy.Symbol(variable), build(expression, [variable])
    bounds = _bounds(expression, variable, lower, upper)
    if terms := _terms(expression, variable, bounds):
        return _write(simplest(sympy.Mul(*terms)))
    return _write(simplest(_done(sympy.product(whole, (k, *bounds)))))


def _bounds(expression: Tree, variable: str, lower: Tree, upper: Tree) -> tuple[Any, Any]:
    """The bounds as sympy's, once the expression is known to stay small at both."""
    _check_at(expression, variable, lower)
    _check_at(expression, variable, upper)
    return build(lower), build(upper)


def _check_at(expression: Tree, variable: str, place: Tree) -> None:
    """Raise LimitExceeded where the expression is too large at a place; it may divide by 0."""
    if variable in names(place):
        raise ValueError(f"a bound must not hold {variable}")
    try:
        measure(replace(expression, {variable: place}))
    except LimitExceeded:
        raise
    except ValueError:
        return


def _terms(expression: Tree, variable: str, bounds: tuple[Any, Any]) -> list[Any]:
    """The terms one by one, where the bounds are numbers and not far apart."""
    if not all(bound.is_Integer for bound in bounds) or not 0 <= bounds[1] - bounds[0] < MOST_TERMS:
        return []
    numbers = range(int(bounds[0]), int(bounds[1]) + 1)
    return [build(replace(expression, {variable: _constant(k)}), [variable]) for k in numbers]


def _constant(value: int) -> Tree:

    return Constant(Fraction(value))


def _done(value: Any) -> Any:
    """What sympy found; raises ValueError where it gave the question back."""
    import sympy

    if value.has(sympy.Integral, sympy.Limit, sympy.Sum, sympy.Product, sympy.AccumBounds):
        raise ValueError("no closed form was found")
    return value


def _write(value: Any) -> str:
    return write_value(value) if value.is_number and not value.free_symbols else write(value)

"""Derivatives, integrals, limits, sums and products.

Bounds are first substituted into the tree, so that the size of the result is checked.
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
MOST_TERMS = 1_000  # of a sum or product that is computed term by term


@tool
def derivative(expression: Expression, variable: Variable, order: int = 1) -> str:
    """Differentiate an expression.

    Example:
        derivative(expression="x**3 + sin(x)", variable="x")
    """
    import sympy

    if not 1 <= order <= HIGHEST_ORDER:
        raise LimitExceeded(f"order must be from 1 to {HIGHEST_ORDER}")
    result = build(expression, [variable])
    for _ in range(order):
        result = simplest(sympy.diff(result, sympy.Symbol(variable)))
    return write(result)


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
        return write(_closed_form(sympy.integrate(whole, x)))
    bounds = _bounds(expression, variable, lower, upper)
    return _write(simplest(_closed_form(sympy.integrate(whole, (x, *bounds)))))


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
    at = build(point)
    if at.is_infinite or direction != "both":
        side = "+" if direction == "right" else "-"
        return _write(_closed_form(sympy.limit(whole, x, at, side)))
    left, right = (_closed_form(sympy.limit(whole, x, at, side)) for side in ("-", "+"))
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
    _check_range(bounds)
    if (terms := _terms(expression, variable, bounds)) is not None:
        return _write(simplest(sympy.Add(*terms)))
    return _write(simplest(_closed_form(sympy.summation(whole, (k, *bounds)))))


@tool
def product(expression: Expression, variable: Variable, lower: Value, upper: Value) -> str:
    """Multiply an expression over the whole numbers between two bounds.

    Example:
        product(expression="k", variable="k", lower=1, upper=5)
    """
    import sympy

    k, whole = sympy.Symbol(variable), build(expression, [variable])
    bounds = _bounds(expression, variable, lower, upper)
    _check_range(bounds)
    if (terms := _terms(expression, variable, bounds)) is not None:
        return _write(simplest(sympy.Mul(*terms)))
    return _write(simplest(_closed_form(sympy.product(whole, (k, *bounds)))))


def _bounds(expression: Tree, variable: str, lower: Tree, upper: Tree) -> tuple[Any, Any]:
    """Build the bounds; raises LimitExceeded if the expression is too large at one of them."""
    _check_at(expression, variable, lower)
    _check_at(expression, variable, upper)
    return build(lower), build(upper)


def _check_at(expression: Tree, variable: str, point: Tree) -> None:
    """Raise LimitExceeded if the expression is too large at a point; it may divide by 0 there."""
    if variable in names(point):
        raise ValueError(f"a bound must not contain {variable}")
    try:
        measure(replace(expression, {variable: point}))
    except LimitExceeded:
        raise
    except ValueError:
        return


def _check_range(bounds: tuple[Any, Any]) -> None:
    """Raise ValueError if a bound is a number but no whole number, or on the wrong side."""
    import sympy

    for bound, infinite in zip(bounds, (-sympy.oo, sympy.oo), strict=True):
        if bound.is_number and not bound.is_Integer and bound != infinite:
            raise ValueError(f"a bound must be a whole number, a name or {infinite}, got {bound}")


def _terms(expression: Tree, variable: str, bounds: tuple[Any, Any]) -> list[Any] | None:
    """All terms if the bounds are whole numbers less than MOST_TERMS apart, else None.

    There is no term if the upper bound is below the lower one.
    """
    if not all(bound.is_Integer for bound in bounds) or bounds[1] - bounds[0] >= MOST_TERMS:
        return None
    numbers = range(int(bounds[0]), int(bounds[1]) + 1)
    return [build(replace(expression, {variable: _constant(k)}), [variable]) for k in numbers]


def _constant(value: int) -> Tree:
    return Constant(Fraction(value))


def _closed_form(value: Any) -> Any:
    """Return sympy's result; raises ValueError if sympy left it unevaluated."""
    import sympy

    if value.has(sympy.Integral, sympy.Limit, sympy.Sum, sympy.Product, sympy.AccumBounds):
        raise ValueError("no closed form was found")
    return value


def _write(value: Any) -> str:
    return write_value(value) if value.is_number and not value.free_symbols else write(value)

"""Rewrite expressions: simplify, expand, factor, substitute, evaluate."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import names, replace
from toolsets.shipped.algebra.sizes import check_result
from toolsets.shipped.algebra.symbolic import Expression, Value, build, decimal, write
from toolsets.tools.decorator import tool
from toolsets.tools.numbers import write_number

LARGEST_DEGREE = 100  # of a polynomial that is factored


@tool
def simplify(expression: Expression) -> str:
    """Simplify an expression.

    Example:
        simplify(expression="(x**2 - 1)/(x - 1)")
    """
    return write(simplest(build(expression)))


@tool
def expand(expression: Expression) -> str:
    """Multiply out an expression.

    Example:
        expand(expression="(x + 1)**2")
    """
    return write(build(expression).expand())


@tool
def factor(expression: Expression) -> str:
    """Write an expression as a product.

    Example:
        factor(expression="x**2 + 5*x + 6")
    """
    import sympy

    whole = build(expression)
    check_degree(*sympy.fraction(sympy.together(whole)))
    return write(sympy.factor(whole))


@tool
def substitute(expression: Expression, values: dict[str, Value]) -> str:
    """Put values in the place of names.

    Example:
        substitute(expression="x**2 + y", values={"x": 3, "y": "a + 1"})
    """
    known = names(expression)
    if unused := [name for name in values if name not in known]:
        listed = ", ".join(sorted(known)) or "none"
        raise ValueError(f"{unused[0]} does not occur in the expression; its names: {listed}")
    return write(simplest(build(replace(expression, values))))


@tool
def evaluate(expression: Expression) -> str:
    """Compute an expression without names, exactly and as a decimal (log is natural; log10, log2).

    Example:
        evaluate(expression="sqrt(50) + 1/2")
    """
    value = build(expression)
    if value.free_symbols:
        unknown = ", ".join(sorted(map(str, value.free_symbols)))
        raise ValueError(f"{unknown} has no value; give it one with substitute")
    return write_value(simplest(value))


def simplest(value: Any) -> Any:
    """sympy's simplest form, its size checked."""
    import sympy

    if value.is_number and value.is_Rational:
        return value
    return check_result(sympy.simplify(value))


def write_value(value: Any) -> str:
    """A number, exact and as a decimal if that differs: `sqrt(2) ≈ 1.4142135623731`."""
    if value.is_Rational and not value.is_Integer:
        exact = Fraction(int(value.p), int(value.q))
        text = write_number(exact)
        return f"{value} {'=' if Fraction(text) == exact else '≈'} {text}"
    if value.is_Integer or value.is_infinite:
        return write(value)
    exact, rounded = write(value), decimal(value)
    return exact if exact == rounded else f"{exact} ≈ {rounded}"


def check_degree(*expressions: Any) -> None:
    """Raise LimitExceeded if the degree of a polynomial is too large for factoring."""
    import sympy

    for expression in expressions:
        if not expression.is_polynomial() or not expression.free_symbols:
            continue
        degree = sympy.Poly(expression).total_degree()
        if degree > LARGEST_DEGREE:
            raise LimitExceeded(f"the degree {degree} is above {LARGEST_DEGREE}")

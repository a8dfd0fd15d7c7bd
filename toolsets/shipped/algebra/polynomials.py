"""Polynomials in one variable and their quotients: roots, division, partial fractions.

Not here: factors and expansion (`rewriting`), how roots are found (`roots`).
"""

from __future__ import annotations

from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Tree, names
from toolsets.shipped.algebra import roots
from toolsets.shipped.algebra.symbolic import Expression, Variable, build, write
from toolsets.tools.decorator import tool

LARGEST_DEGREE = 100  # of a dividend
LARGEST_SYMBOLIC = 6  # if there are names in the coefficients
LARGEST_DENOMINATOR = 20  # degree; larger ones take seconds
LARGEST_SYMBOLIC_DENOMINATOR = 5


@tool
def polynomial_roots(polynomial: Expression, variable: Variable) -> str:
    """Find all roots of a polynomial, also complex ones, with their multiplicity.

    Example:
        polynomial_roots(polynomial="x**3 - 3*x + 2", variable="x")
    """
    import sympy

    expression = build(polynomial, [variable])
    x = sympy.Symbol(variable)
    if not expression.is_polynomial(x) or not expression.has(x):
        raise ValueError(f"expected a polynomial in {variable}")
    exact = roots.polynomial_roots(sympy.Poly(expression, x))
    if exact is None:
        raise ValueError("the roots cannot be written down exactly")
    times = {1: "", 2: " (twice)"}
    return ", ".join(f"{roots.write_root(r)}{times.get(n, f' ({n} times)')}" for r, n in exact)


@tool
def divide_polynomials(dividend: Expression, divisor: Expression, variable: Variable) -> str:
    """Divide a polynomial by another: the quotient and the remainder.

    Example:
        divide_polynomials(dividend="x**3 - 2*x + 5", divisor="x - 1", variable="x")
    """
    _check_variable(variable, dividend, divisor)
    above = _polynomial(build(dividend, [variable]), variable, "dividend")
    below = _polynomial(build(divisor, [variable]), variable, "divisor")
    if not below.domain.is_QQ:
        _check_degree(above, LARGEST_SYMBOLIC)
    if below.is_zero:
        raise ValueError("divisor must not be 0")
    quotient, remainder = above.div(below)
    return f"quotient {write(quotient.as_expr())}, remainder {write(remainder.as_expr())}"


@tool
def partial_fractions(expression: Expression, variable: Variable) -> str:
    """Write a quotient of polynomials as a sum of partial fractions with rational numbers.

    Example:
        partial_fractions(expression="(3*x + 5)/(x**2 - 1)", variable="x")
    """
    import sympy

    _check_variable(variable, expression)
    whole = sympy.together(build(expression, [variable]))
    above, below = (_polynomial(part, variable, "expression") for part in sympy.fraction(whole))
    symbolic = len(whole.free_symbols) > 1
    largest = LARGEST_SYMBOLIC_DENOMINATOR if symbolic else LARGEST_DENOMINATOR
    if below.degree() > largest:
        raise LimitExceeded(f"the denominator has a degree above {largest}")
    return write(sympy.apart(above.as_expr() / below.as_expr(), sympy.Symbol(variable)))


def _check_variable(variable: str, *trees: Tree) -> None:
    known = set().union(*map(names, trees))
    if known and variable not in known:
        raise ValueError(f"{variable} does not occur; the names are: {', '.join(sorted(known))}")


def _polynomial(expression: Any, variable: str, name: str) -> Any:
    """A Poly over a field; raises ValueError if it is none with rational numbers and names."""
    import sympy

    x = sympy.Symbol(variable)
    if not expression.is_polynomial(x):
        reason = f"{name} must be a polynomial"
        if name == "expression":
            reason = "expression must be a quotient of polynomials"
        raise ValueError(f"{reason} in {variable}")
    polynomial = sympy.Poly(expression, x, field=True)
    _check_degree(polynomial, LARGEST_DEGREE if polynomial.domain.is_QQ else LARGEST_SYMBOLIC)
    inner: Any = polynomial.domain
    if not (inner.is_QQ or (inner.is_FractionField and all(s.is_Symbol for s in inner.symbols))):
        raise ValueError(f"the coefficients of {name} must be rational numbers or names")
    return polynomial


def _check_degree(polynomial: Any, largest: int) -> None:
    if polynomial.degree() > largest:
        raise LimitExceeded(f"the degree {polynomial.degree()} is above {largest}")

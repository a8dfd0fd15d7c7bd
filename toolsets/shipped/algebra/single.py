"""Solve one equation in one unknown.

Polynomials and rational functions are solved over the complex numbers, others over the reals, with
each solution verified by substitution. A zero of a divisor is never a solution, even if the divisor
cancels.
"""

from __future__ import annotations

from typing import Any

from toolsets.shipped.algebra.roots import is_complex, polynomial_roots, search, write_root
from toolsets.shipped.algebra.solutions import (
    NONE,
    write_assignments,
    write_roots,
    write_set,
    write_values,
)
from toolsets.shipped.algebra.symbolic import decimal

UNSOLVED = "the equations could not be solved exactly"


def solve_one(difference: Any, forbidden: list[Any], x: Any) -> str:
    """The text of the x where `difference` is 0 and no expression of `forbidden` is 0."""
    import sympy

    difference = sympy.together(difference)
    if sympy.simplify(difference) == 0:
        return _every_number(forbidden, x)
    if not difference.has(x):
        return NONE
    if not difference.is_rational_function(x):
        return _solve_other(difference, forbidden, x)
    numerator = sympy.fraction(sympy.cancel(difference))[0]
    roots = polynomial_roots(sympy.Poly(numerator, x)) if numerator.has(x) else []
    if roots is None:
        raise ValueError(UNSOLVED)
    allowed = [root for root, _ in roots if not _is_forbidden(root, forbidden, x)]
    if difference.free_symbols - {x}:
        allowed = [root for root in allowed if not root.has(sympy.I)] or allowed
        allowed = [sympy.simplify(root) for root in allowed]
    return write_roots(str(x), allowed)


def zeros(expression: Any, x: Any) -> list[Any]:
    """The real zeros of a rational function without other names; [] for another expression."""
    import sympy

    numerator = sympy.fraction(sympy.together(expression))[0]
    if not numerator.has(x) or not numerator.is_polynomial(x) or numerator.free_symbols - {x}:
        return []
    roots = polynomial_roots(sympy.Poly(numerator, x)) or []
    return [root for root, _ in roots if not is_complex(root)]


def by_sympy(differences: list[Any], symbols: list[Any]) -> list[dict[Any, Any]]:
    """Solve by `sympy.solve`; solutions that sympy proves incorrect are dropped."""
    import sympy

    try:
        solutions = sympy.solve(differences, symbols, dict=True)
    except NotImplementedError:
        raise ValueError(UNSOLVED) from None
    return [s for s in solutions if not any(d.subs(s).equals(0) is False for d in differences)]


def is_zero(value: Any) -> bool:
    """Whether a number is 0 up to 1e-12; an expression with names must be literally 0."""
    if value.free_symbols:
        return value == 0
    try:
        return abs(complex(decimal(value).replace("*I", "j").replace(" ", ""))) < 1e-12
    except ValueError:
        return False


def _solve_other(difference: Any, forbidden: list[Any], x: Any) -> str:
    """Solve an equation with roots, powers, logarithms, angles or absolute values."""
    import sympy

    if difference.free_symbols - {x}:
        return write_assignments([x], by_sympy([difference], [x]))
    solutions = sympy.solveset(difference, x, sympy.S.Reals)
    if isinstance(solutions, sympy.FiniteSet):
        correct = [root for root in solutions if is_zero(difference.subs(x, root))]
        solutions = sympy.FiniteSet(*(r for r in correct if not _is_forbidden(r, forbidden, x)))
    empty = solutions is sympy.S.EmptySet
    if not empty and (text := write_set(str(x), solutions)) is not None:
        return text
    if points := search(difference, x):  # also if sympy found none: it may have missed some
        return f"{write_values(str(x), points)} (found from -20 to 20; there may be others)"
    if empty:
        return "no real solution"
    raise ValueError(UNSOLVED)


def _every_number(forbidden: list[Any], x: Any) -> str:
    excluded = [zero for divisor in forbidden for zero in zeros(divisor, x)]
    listed = ", ".join(write_root(zero) for zero in dict.fromkeys(excluded))
    return f"every number {x}" + (f" but {listed}" if listed else "")


def _is_forbidden(root: Any, forbidden: list[Any], x: Any) -> bool:
    return any(is_zero(divisor.subs(x, root)) for divisor in forbidden)

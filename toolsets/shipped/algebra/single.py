"""One equation in one unknown.

Polynomials and quotients of polynomials over the complex numbers; others over the reals, each
solution checked by putting it in. Where a divisor is 0 there is no solution, even where the
divisor cancels.
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
    """The x where `difference` is 0 and no expression of `forbidden` is, in words."""
    import sympy

    difference = sympy.together(difference)
    if sympy.simplify(difference) == 0:
        return _every(forbidden, x)
    if not difference.has(x):
        return NONE
    if not difference.is_rational_function(x):
        return _solve_other(difference, forbidden, x)
    above = sympy.fraction(sympy.cancel(difference))[0]
    found = polynomial_roots(sympy.Poly(above, x)) if above.has(x) else []
    if found is None:
        raise ValueError(UNSOLVED)
    allowed = [root for root, _ in found if not _is_forbidden(root, forbidden, x)]
    if difference.free_symbols - {x}:
        allowed = [root for root in allowed if not root.has(sympy.I)] or allowed
        allowed = [sympy.simplify(root) for root in allowed]
    return write_roots(str(x), allowed)


def zeros(expression: Any, x: Any) -> list[Any]:
    """The real zeros of a quotient of polynomials; none of another expression."""
    import sympy

    above = sympy.fraction(sympy.together(expression))[0]
    if not above.has(x) or not above.is_polynomial(x) or above.free_symbols - {x}:
        return []
    found = polynomial_roots(sympy.Poly(above, x)) or []
    return [root for root, _ in found if not is_complex(root)]


def by_sympy(differences: list[Any], symbols: list[Any]) -> list[dict[Any, Any]]:
    """Solutions by sympy's collection of methods, without those that are seen to be wrong."""
    import sympy

    try:
        found = sympy.solve(differences, symbols, dict=True)
    except NotImplementedError:
        raise ValueError(UNSOLVED) from None
    return [s for s in found if not any(d.subs(s).equals(0) is False for d in differences)]


def is_zero(value: Any) -> bool:
    """Whether a number is 0, to 12 digits; what holds names is taken as it seems."""
    if value.free_symbols:
        return value == 0
    try:
        return abs(complex(decimal(value).replace("*I", "j").replace(" ", ""))) < 1e-12
    except ValueError:
        return False


def _solve_other(difference: Any, forbidden: list[Any], x: Any) -> str:
    """One equation with roots, powers, logarithms, angles, absolute values."""
    import sympy

    if difference.free_symbols - {x}:
        return write_assignments([x], by_sympy([difference], [x]))
    found = sympy.solveset(difference, x, sympy.S.Reals)
    if isinstance(found, sympy.FiniteSet):
        right = [root for root in found if is_zero(difference.subs(x, root))]
        found = sympy.FiniteSet(*(r for r in right if not _is_forbidden(r, forbidden, x)))
    empty = found is sympy.S.EmptySet
    if not empty and (text := write_set(str(x), found)) is not None:
        return text
    if places := search(difference, x):  # also where sympy has missed some
        return f"{write_values(str(x), places)} (found from -20 to 20; there may be others)"
    if empty:
        return "no real solution"
    raise ValueError(UNSOLVED)


def _every(forbidden: list[Any], x: Any) -> str:
    but = [place for below in forbidden for place in zeros(below, x)]
    listed = ", ".join(write_root(place) for place in dict.fromkeys(but))
    return f"every number {x}" + (f" but {listed}" if listed else "")


def _is_forbidden(root: Any, forbidden: list[Any], x: Any) -> bool:
    return any(is_zero(below.subs(x, root)) for below in forbidden)

"""Inequalities in one unknown over the real numbers.

Rational functions are solved by their signs between the zeros of numerator and denominator, others
by sympy.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from toolsets.languages.expression import Apply
from toolsets.shipped.algebra.roots import real_roots

_SIGNS = {"<": (-1,), "≤": (-1, 0), ">": (1,), "≥": (0, 1), "≠": (-1, 1), "=": (0,)}


def solution_set(operator: str, difference: Any, x: Any) -> Any:
    """Solve `difference operator 0` for real x; returns a sympy set."""
    import sympy
    from sympy.functions.elementary.trigonometric import TrigonometricFunction

    if difference.free_symbols - {x}:
        raise ValueError(f"an inequality may contain no name other than {x}")
    if difference.is_rational_function(x):
        return _by_signs(difference, x, _SIGNS[operator])
    if difference.has(TrigonometricFunction):
        raise ValueError("an inequality with sin, cos or tan cannot be solved")
    if operator == "≠":
        return sympy.S.Reals - sympy.solveset(difference, x, sympy.S.Reals)
    relations = {"<": sympy.Lt, "≤": sympy.Le, ">": sympy.Gt, "≥": sympy.Ge, "=": sympy.Eq}
    return sympy.solveset(relations[operator](difference, 0), x, sympy.S.Reals)


def is_inequality(tree: Any) -> bool:
    """Whether a tree is a relation with <, ≤, >, ≥ or ≠."""
    return isinstance(tree, Apply) and tree.operator in _SIGNS and tree.operator != "="


def _by_signs(difference: Any, x: Any, wanted: tuple[int, ...]) -> Any:
    import sympy

    numerator, denominator = sympy.fraction(sympy.together(difference))
    zeros, poles = (_zeros(part, x) for part in (numerator, denominator))
    points = sorted({*zeros, *poles}, key=lambda point: point.evalf(30))
    ends = [-sympy.oo, *points, sympy.oo]
    parts = [sympy.FiniteSet(zero) for zero in zeros if 0 in wanted]
    for low, high in pairwise(ends):
        if _sign(difference.subs(x, _between(low, high))) in wanted:
            parts.append(sympy.Interval.open(low, high))
    return sympy.Union(*parts)


def _zeros(part: Any, x: Any) -> list[Any]:
    import sympy

    return real_roots(sympy.Poly(part, x)) if part.has(x) else []


def _between(low: Any, high: Any) -> Any:
    import sympy

    if low.is_infinite and high.is_infinite:
        return sympy.Integer(0)
    if low.is_infinite:
        return sympy.floor(high) - 1
    if high.is_infinite:
        return sympy.ceiling(low) + 1
    return sympy.Rational(str(((low + high) / 2).evalf(30)))


def _sign(value: Any) -> int:
    number = value.evalf(30)
    return int(bool(number > 0)) - int(bool(number < 0)) if number.is_comparable else 2

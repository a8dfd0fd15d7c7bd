"""Local extrema, least and greatest value of a quotient of polynomials, on an interval or the line.

The line is cut at the ends, at the zeros of the denominator and at the zeros of the derivative;
between two cuts the function rises or falls, so that the signs of the derivative decide all.

Not here: functions with roots, angles or exponentials, whose zeros cannot all be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Apply, Name, Tree, divisors, names
from toolsets.shipped.algebra.rewriting import simplest, write_value
from toolsets.shipped.algebra.roots import is_rounded, real_roots, write_root
from toolsets.shipped.algebra.sizes import measure
from toolsets.shipped.algebra.solutions import write_value as write_assignment
from toolsets.shipped.algebra.symbolic import Expression, Value, Variable, build
from toolsets.tools.decorator import tool

LARGEST_DEGREE = 16  # of the numerator or denominator; 20 may take four seconds
SAME = Fraction(1, 10**12)  # rounded values that differ by less are taken for equal


@dataclass(frozen=True, slots=True)
class _Cut:
    """A point of the line: a zero of the derivative, an end, or a point without a value."""

    point: Any
    has_value: bool
    is_end: bool = False


@tool
def extrema(
    expression: Expression,
    variable: Variable,
    lower: Value | None = None,
    upper: Value | None = None,
) -> str:
    """Find the extrema of a quotient of polynomials, on the line or between bounds.

    The bounds belong to the interval; without one, it has no end on that side.

    Example:
        extrema(expression="x**3 - 3*x", variable="x", lower=-3, upper=3)
    """
    import sympy

    _check_tree(expression, variable)
    x, function = sympy.Symbol(variable), sympy.cancel(build(expression, [variable]))
    holes = [build(divisor, [variable]) for divisor in divisors(expression)]
    _check(function, x)
    ends = _end(lower, -sympy.oo), _end(upper, sympy.oo)
    if not ends[0] < ends[1]:
        raise ValueError("lower must be less than upper")
    slope = sympy.cancel(sympy.diff(function, x))
    if slope == 0:
        return f"constant: the value is {write_value(function)}"
    return "; ".join(_report(function, slope, x, _cuts(slope, [function, *holes], x, *ends)))


def _check_tree(tree: Tree, variable: str) -> None:
    """Raise ValueError unless a quotient of polynomials is written, also if sqrt(x)**2 is one."""
    if other := names(tree) - {variable}:
        reason = f"the expression may contain no name other than {variable}"
        raise ValueError(f"{reason}, got {min(other)}")
    if not names(tree) or isinstance(tree, Name):
        return
    assert isinstance(tree, Apply)
    base, *exponents = tree.arguments if tree.operator == "**" else (tree,)
    whole = all((v := measure(e).value) is not None and v.denominator == 1 for e in exponents)
    if tree.operator not in ("+", "-", "*", "/", "**") or not whole:
        raise ValueError("extrema are found for quotients of polynomials only")
    for part in (base,) if tree.operator == "**" else tree.arguments:
        _check_tree(part, variable)


def _check(function: Any, x: Any) -> None:
    import sympy

    parts = [part for part in sympy.fraction(sympy.together(function)) if part.has(x)]
    for polynomial in (sympy.Poly(part, x) for part in parts):
        if polynomial.degree() > LARGEST_DEGREE:
            raise LimitExceeded(f"the degree {polynomial.degree()} is above {LARGEST_DEGREE}")
        if not (polynomial.domain.is_ZZ or polynomial.domain.is_QQ):
            raise ValueError("the coefficients must be rational numbers")


def _end(bound: Any, default: Any) -> Any:
    value = default if bound is None else build(bound)
    if not (value.is_Rational or value == default):
        raise ValueError("a bound must be a rational number")
    return value


def _cuts(slope: Any, divided: list[Any], x: Any, low: Any, high: Any) -> list[_Cut]:
    """All cuts from `low` to `high`, in order."""
    without = _zeros([_below(part) for part in divided] + divided[1:], x)
    inside = [p for p in without if low <= p <= high]
    cuts = {p: _Cut(p, False, p in (low, high)) for p in inside}
    for zero in _zeros([_above(slope)], x):
        if low < zero < high:
            cuts.setdefault(zero, _Cut(zero, True))
    for end in (low, high):
        cuts.setdefault(end, _Cut(end, bool(end.is_finite), True))
    return sorted(cuts.values(), key=lambda cut: cut.point.evalf(40))


def _zeros(expressions: list[Any], x: Any) -> list[Any]:
    import sympy

    polynomials = [sympy.Poly(_above(e), x) for e in expressions if _above(e).has(x)]
    return list(dict.fromkeys(zero for p in polynomials for zero in real_roots(p)))


def _above(expression: Any) -> Any:
    import sympy

    return sympy.fraction(sympy.together(expression))[0]


def _below(expression: Any) -> Any:
    import sympy

    return sympy.fraction(sympy.together(expression))[1]


def _report(function: Any, slope: Any, x: Any, cuts: list[_Cut]) -> list[str]:
    signs = [_sign(slope.subs(x, _between(a.point, b.point))) for a, b in pairwise(cuts)]
    values = [_value(function, x, cut) if cut.has_value else None for cut in cuts]
    texts = []
    for k in range(1, len(cuts) - 1):
        if values[k] is not None and signs[k - 1] != signs[k]:
            kind = "maximum" if signs[k - 1] > 0 else "minimum"
            texts.append(f"local {kind} {_write(values[k])} at {_at(x, cuts[k])}")
    limits = _limits(function, x, cuts, signs)
    for kind in ("least", "greatest"):
        texts.append(_extreme(kind, x, cuts, values, limits))
    return texts


def _extreme(
    kind: Literal["least", "greatest"], x: Any, cuts: list[_Cut], values: list[Any], limits: Any
) -> str:
    """The least or greatest value with its points, or that there is none."""
    sign = 1 if kind == "greatest" else -1
    reached = [(value, cut) for value, cut in zip(values, cuts, strict=True) if value is not None]
    best = None
    for value, _ in reached:
        if best is None or _compare(value, best) * sign > 0:
            best = value
    if best is None or any(_compare(limit, best) * sign > 0 for limit in limits):
        return f"no {kind} value"
    points = [_at(x, cut) for value, cut in reached if _compare(value, best) == 0]
    return f"{kind} value {_write(best)} at {' and '.join(points)}"


def _limits(function: Any, x: Any, cuts: list[_Cut], signs: list[int]) -> list[Any]:
    """What the function tends to at the cuts without a value, from both sides."""
    import sympy

    found = []
    poles = _zeros([_below(function)], x)
    for k, cut in enumerate(cuts):
        if cut.has_value:
            continue
        if cut.point in poles:  # it rises or falls without bound
            found += [sympy.oo * signs[k - 1]] if k else []
            found += [-sympy.oo * signs[k]] if k < len(signs) else []
        elif cut.point.is_infinite:
            found.append(sympy.limit(function, x, cut.point))
        else:
            found.append(function.subs(x, cut.point))
    return found


def _value(function: Any, x: Any, cut: _Cut) -> Any:
    value = function.subs(x, cut.point)
    return value.evalf(25) if is_rounded(cut.point) else simplest(value)


def _compare(a: Any, b: Any) -> int:
    """-1, 0 or 1; exact for rational numbers."""
    if a.is_infinite or b.is_infinite or (a.is_Rational and b.is_Rational):
        return int(bool(a > b)) - int(bool(a < b))
    difference = (a - b).evalf(40)
    same = abs(difference) <= SAME * (1 + abs(b.evalf(20)))
    return 0 if same else (1 if difference > 0 else -1)


def _sign(value: Any) -> int:
    return 1 if value > 0 else -1


def _between(low: Any, high: Any) -> Any:
    """A rational number between two cuts."""
    import sympy

    if low.is_infinite and high.is_infinite:
        return sympy.Integer(0)
    if low.is_infinite:
        return sympy.floor(high.evalf(40)) - 1
    if high.is_infinite:
        return sympy.ceiling(low.evalf(40)) + 1
    return sympy.Rational(str(((low + high) / 2).evalf(40)))


def _write(value: Any) -> str:
    return write_root(value) if is_rounded(value) else write_value(value)


def _at(x: Any, cut: _Cut) -> str:
    return write_assignment(str(x), cut.point)

"""Equations with odd roots of the unknown, over the real numbers: cbrt(x) = -2 has x = -8.

Each root t of u is eliminated from the equation by t**n = u (a resultant); the candidates are then
verified with real roots. `x**(1/3)` is read as that root if no solution has a negative base, where
the principal root would differ; else it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Apply, Constant, Name, Tree, names
from toolsets.shipped.algebra.roots import real_roots, search
from toolsets.shipped.algebra.solutions import write_values
from toolsets.shipped.algebra.symbolic import build

MOST_RADICALS = 3
MOST_DEGREE = 40
DIGITS = 30
SMALL = 1e-15
UNSOLVED = "the equations could not be solved exactly"


@dataclass(frozen=True, slots=True)
class Radical:
    """The symbol that replaces a root, its degree and what the root is taken of."""

    symbol: Any
    degree: int
    inside: Any
    is_power: bool


def has_radical(tree: Tree, unknown: str) -> bool:
    """Whether a tree has an odd root of the unknown."""
    if not isinstance(tree, Apply) or unknown not in names(tree):
        return False
    return _parts(tree) is not None or any(has_radical(a, unknown) for a in tree.arguments)


def solve_radicals(equation: Tree, unknown: str) -> str:
    """The text of the real solutions of an equation with odd roots of its only name."""
    import sympy

    x, radicals = sympy.Symbol(unknown), []
    replaced = _replace(equation, unknown, radicals)
    sides = replaced.arguments if isinstance(replaced, Apply) and replaced.operator == "=" else ()
    difference = build(sides[0]) - build(sides[1]) if sides else build(replaced)
    if difference.free_symbols - {x, *(r.symbol for r in radicals)}:
        raise ValueError(f"an equation with an odd root may contain no name other than {unknown}")
    candidates = _candidates(difference, radicals, x)
    if candidates is None:
        candidates = search(_real(difference, radicals), x)
        if not candidates:
            raise ValueError(UNSOLVED)
        ending = " (found from -20 to 20; there may be others)"
    else:
        candidates, ending = [c for c in candidates if _holds(difference, radicals, x, c)], ""
    _check_powers(radicals, x, candidates)
    return write_values(unknown, candidates) + ending if candidates else "no real solution"


def _parts(tree: Apply) -> tuple[Tree, int, int] | None:
    """What an odd root is taken of, its degree and the power of it; None for another tree."""
    match tree:
        case Apply(operator="cbrt", arguments=(inside,)):
            return inside, 3, 1
        case Apply(operator="root", arguments=(inside, Constant(value=degree))):
            if degree.denominator == 1 and degree > 1 and degree % 2:
                return inside, degree.numerator, 1
        case Apply(operator="**", arguments=(base, exponent)):
            power = _constant(exponent)
            if power is not None and power.denominator % 2 and power.denominator > 1:
                return base, power.denominator, power.numerator
    return None


def _constant(tree: Tree) -> Fraction | None:
    match tree:
        case Constant(value=value):
            return value
        case Apply(operator="-", arguments=(Constant(value=value),)):
            return -value
        case Apply(operator="/", arguments=(above, Constant(value=below))) if below:
            return None if (value := _constant(above)) is None else value / below
        case Apply(operator="-", arguments=(inner,)):
            return None if (value := _constant(inner)) is None else -value
    return None


def _replace(tree: Tree, unknown: str, radicals: list[Radical]) -> Tree:
    """The tree with each odd root replaced by the name of a new radical."""
    import sympy

    if not isinstance(tree, Apply) or unknown not in names(tree):
        return tree
    if parts := _parts(tree):
        inside, degree, power = parts
        built = build(_replace(inside, unknown, radicals), [unknown])
        if len(radicals) >= MOST_RADICALS:
            raise LimitExceeded(f"the equation has more than {MOST_RADICALS} odd roots")
        name = f"radical_{len(radicals)}"
        radicals.append(Radical(sympy.Symbol(name), degree, built, tree.operator == "**"))
        exponent = Constant(Fraction(power))
        return Apply("**", (Name(name), exponent)) if power != 1 else Name(name)
    return Apply(tree.operator, tuple(_replace(a, unknown, radicals) for a in tree.arguments))


def _candidates(difference: Any, radicals: list[Radical], x: Any) -> list[Any] | None:
    """Real numbers that include all solutions; None where a part is no rational function."""
    import sympy

    symbols = [x, *(radical.symbol for radical in radicals)]
    parts = [difference, *(radical.inside for radical in radicals)]
    if not all(part.is_rational_function(*symbols) for part in parts):
        return None
    polynomial: Any = sympy.fraction(sympy.together(difference))[0]
    for radical in reversed(radicals):
        relation = sympy.fraction(sympy.together(radical.symbol**radical.degree - radical.inside))
        polynomial = _resultant(polynomial, relation[0], radical.symbol)
    if polynomial == 0 or not polynomial.has(x):
        return [] if polynomial != 0 else None
    whole = sympy.Poly(polynomial, x)
    if whole.degree() > MOST_DEGREE:
        raise LimitExceeded(f"the degree {whole.degree()} is above {MOST_DEGREE}")
    return real_roots(whole)


def _resultant(first: Any, second: Any, symbol: Any) -> Any:
    import sympy

    return sympy.resultant(first, second, symbol)


def _values(radicals: list[Radical], x: Any, at: Any) -> dict[Any, Any]:
    """The real values of all radicals at a point."""
    import sympy

    values = {x: at.evalf(DIGITS)}
    for radical in radicals:
        inside = radical.inside.subs(values).evalf(DIGITS)
        values[radical.symbol] = sympy.sign(inside) * abs(inside) ** sympy.Rational(
            1, radical.degree
        )
    return values


def _holds(difference: Any, radicals: list[Radical], x: Any, at: Any) -> bool:
    value = difference.subs(_values(radicals, x, at)).evalf(DIGITS)
    return bool(value.is_number and value.is_finite and abs(value) < SMALL)


def _real(difference: Any, radicals: list[Radical]) -> Any:
    """The equation with each root as sign(u)*|u|**(1/n)."""
    import sympy

    for radical in reversed(radicals):
        root = abs(radical.inside) ** sympy.Rational(1, radical.degree)
        difference = difference.subs(radical.symbol, sympy.sign(radical.inside) * root)
    return difference


def _check_powers(radicals: list[Radical], x: Any, solutions: list[Any]) -> None:
    """Raise ValueError if a solution has a power such as (-8)**(1/3), which has two readings."""
    for solution in solutions:
        values = _values(radicals, x, solution)
        for radical in radicals:
            if radical.is_power and radical.inside.subs(values) < -SMALL:
                power = f"({radical.inside})**(1/{radical.degree})"
                reason = "for a negative base can be read in two ways; write"
                raise ValueError(f"{power} {reason} root({radical.inside}, {radical.degree})")

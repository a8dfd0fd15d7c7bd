"""Format solutions as text: `x = 2 or x = -2`, `-2 < x <= 3`, `x = 3, y = 4`, `no solution`."""

from __future__ import annotations

from typing import Any

from toolsets.shipped.algebra.roots import is_complex, is_rounded, sort_key, write_root
from toolsets.shipped.algebra.symbolic import write

MOST_COMPLEX = 8  # complex solutions that are listed; more are only counted
NONE = "no solution"


def write_roots(name: str, roots: list[Any]) -> str:
    """The values of one unknown, real ones first, complex ones labelled as complex."""
    real = [root for root in roots if not is_complex(root)]
    imaginary = [root for root in roots if is_complex(root)]
    if not imaginary:
        return write_values(name, real) or NONE
    start = write_values(name, real) or "no real solution"
    if len(imaginary) > MOST_COMPLEX:
        return f"{start}; {len(imaginary)} complex ones"
    return f"{start}; complex: {write_values(name, imaginary)}"


def write_values(name: str, values: list[Any]) -> str:
    """The values of one unknown, ascending, joined by `or`."""
    return " or ".join(write_value(name, value) for value in sorted(values, key=sort_key))


def write_value(name: str, value: Any) -> str:
    """One value of an unknown: `x = 2`, `x ≈ 1.1673039782614`."""
    return f"{name} {'' if is_rounded(value) else '= '}{write_root(value)}"


def write_assignments(unknowns: list[Any], solutions: list[dict[Any, Any]]) -> str:
    """The solutions of a system; an unknown without a value may be any number."""
    if not solutions:
        return NONE
    free = any(unknown not in solution for solution in solutions for unknown in unknowns)
    texts = [_assignment(unknowns, solution) for solution in solutions]
    return ("infinitely many solutions: " if free else "") + " or ".join(texts)


def write_set(name: str, values: Any) -> str | None:
    """A set of real numbers as equations and inequalities; None if sympy left it unsolved."""
    import sympy

    if values is sympy.S.EmptySet:
        return NONE
    if isinstance(values, sympy.Interval) or values is sympy.S.Reals:
        return _interval(name, values)
    if isinstance(values, sympy.FiniteSet):
        return write_values(name, list(values))
    if isinstance(values, sympy.ImageSet) and values.base_sets == (sympy.S.Integers,):
        return _family(name, values)
    if not isinstance(values, sympy.Union):
        return None
    texts = [write_set(name, part) for part in sorted(values.args, key=_start)]
    return None if None in texts else " or ".join(str(text) for text in texts)


def _assignment(unknowns: list[Any], solution: dict[Any, Any]) -> str:
    parts = [
        write_value(str(unknown), solution[unknown])
        if unknown in solution
        else f"{unknown} any number"
        for unknown in unknowns
    ]
    return ", ".join(parts)


def _interval(name: str, interval: Any) -> str:
    low, high = interval.inf, interval.sup
    below = "" if low.is_infinite else f"{_bound(low)} {'<' if interval.left_open else '<='} "
    above = "" if high.is_infinite else f" {'<' if interval.right_open else '<='} {_bound(high)}"
    if not below and not above:
        return f"every real number {name}"
    rounded = " (rounded)" if is_rounded(low) or is_rounded(high) else _decimals(low, high)
    if above:
        return f"{below}{name}{above}{rounded}"
    return f"{name} {'>' if interval.left_open else '>='} {_bound(low)}{rounded}"


def _bound(value: Any) -> str:
    return write_root(value).removeprefix("≈ ").partition(" ≈ ")[0]


def _decimals(*bounds: Any) -> str:
    """The decimals of irrational bounds: ` (sqrt(2) ≈ 1.4142135623731)`."""
    texts = [write_root(bound) for bound in bounds if bound.is_finite]
    listed = ", ".join(text for text in texts if " ≈ " in text)
    return f" ({listed})" if listed else ""


def _family(name: str, values: Any) -> str:
    import sympy

    (variable,) = values.lamda.variables
    letter = sympy.Symbol("n" if name != "n" else "k")
    written = write(values.lamda.expr.subs(variable, letter))
    return f"{name} = {written} for every whole number {letter}"


def _start(part: Any) -> float:
    try:
        return float(part.inf)
    except (TypeError, NotImplementedError):  # a family of numbers without a minimum
        return float("-inf")

"""Equations with floor, ceil, round or a remainder of the unknown, in the form f(u) = number.

They are no equations of continuous functions, so neither sympy nor a search solves them. Solved:
floor, ceil and round as an inequality, a remainder as a family. Any other form is refused.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from toolsets.languages.expression import Apply, Constant, Name, Tree, names
from toolsets.shipped.algebra.symbolic import build, write

ROUNDING = ("floor", "ceil", "ceiling", "round", "//")
REMAINDERS = ("%", "mod")
STEPS = (*ROUNDING, *REMAINDERS, "gcd", "lcm")
_PLACE = "step_value"
REFUSAL = "can be solved only alone on one side, as in floor(x) = 3"


def step_of(tree: Tree, unknown: str) -> Apply | None:
    """The first operator of STEPS that is applied to the unknown."""
    if not isinstance(tree, Apply) or unknown not in names(tree):
        return None
    inside = (step_of(argument, unknown) for argument in tree.arguments)
    return next((s for s in inside if s), None) or (tree if tree.operator in STEPS else None)


def solve_step(equation: Tree, step: Apply, unknown: str) -> list[Tree] | str:
    """Inequalities with the solutions of the equation, or their text."""
    value = _value_of(equation, step, unknown)
    if step.operator in REMAINDERS:
        return _family(step, value, unknown)
    inner = Apply("/", step.arguments) if step.operator == "//" else step.arguments[0]
    if step.operator not in ROUNDING or len(step.arguments) > 1 + (step.operator == "//"):
        raise ValueError(f"an equation with {step.operator} of {unknown} cannot be solved")
    if value.denominator != 1:
        return "no solution"
    return _between(step.operator, inner, value)


def _value_of(equation: Tree, step: Apply, unknown: str) -> Fraction:
    """The one value of the step for which the equation holds; raises ValueError."""
    import sympy

    replaced = _replace(equation, step)
    refusal = ValueError(f"an equation with {step.operator} of {unknown} {REFUSAL}")
    if unknown in names(replaced) or names(replaced) != {_PLACE}:
        raise refusal
    left, right = _sides(replaced)
    place = sympy.Symbol(_PLACE)
    difference = build(left) - build(right)
    if not difference.is_polynomial(place) or sympy.Poly(difference, place).degree() != 1:
        raise refusal
    (root,) = sympy.roots(difference, place)
    if not root.is_Rational:
        raise refusal
    return Fraction(int(root.p), int(root.q))


def _replace(tree: Tree, step: Apply) -> Tree:
    if tree == step:
        return Name(_PLACE)
    if isinstance(tree, Apply):
        return Apply(tree.operator, tuple(_replace(a, step) for a in tree.arguments))
    return tree


def _sides(tree: Tree) -> tuple[Tree, Tree]:
    match tree:
        case Apply(operator="=", arguments=(left, right)):
            return left, right
    return tree, Constant(Fraction(0))


def _between(operator: str, inner: Tree, value: Fraction) -> list[Tree]:
    """The inequalities for a rounded value: 3 <= x < 4 for floor(x) = 3."""
    half = Fraction(1, 2)
    low, high, low_open, high_open = {
        "round": (value - half, value + half, value <= 0, value >= 0),
        "ceil": (value - 1, value, True, False),
        "ceiling": (value - 1, value, True, False),
    }.get(operator, (value, value + 1, False, True))
    return [
        Apply(">" if low_open else "≥", (inner, Constant(low))),
        Apply("<" if high_open else "≤", (inner, Constant(high))),
    ]


def _family(step: Apply, value: Fraction, unknown: str) -> str:
    """All numbers with a remainder: x = 3*n + 1 for every whole number n."""
    import sympy

    x, letter = sympy.Symbol(unknown), sympy.Symbol("n" if unknown != "n" else "k")
    inner, modulus = (build(argument, [unknown]) for argument in step.arguments)
    if not (modulus.is_Rational and modulus.is_positive and _is_linear(inner, x)):
        raise ValueError(
            f"an equation with mod of {unknown} {REFUSAL.replace('floor(x)', 'x mod 5')}"
        )
    remainder = sympy.Rational(value.numerator, value.denominator)
    if not 0 <= remainder < modulus:
        return "no solution"
    slope, offset = inner.coeff(x, 1), inner.coeff(x, 0)
    solution = sympy.expand((modulus * letter + remainder - offset) / abs(slope))
    if slope.is_negative:
        solution = sympy.expand((modulus * letter - remainder + offset) / abs(slope))
    return f"{unknown} = {write(solution)} for every whole number {letter}"


def _is_linear(value: Any, x: Any) -> bool:
    import sympy

    value = sympy.expand(value)
    linear = value.is_polynomial(x) and sympy.Poly(value, x).degree() == 1
    return bool(linear and not value.free_symbols - {x})

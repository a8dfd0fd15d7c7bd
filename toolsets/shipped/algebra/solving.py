"""The tool `solve`: equations, systems and inequalities.

Not here: one equation in one unknown (`single`), one inequality (`inequalities`), the text of
solutions (`solutions`).
"""

from __future__ import annotations

import math
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Apply, Tree, divisors, names, split_products
from toolsets.shipped.algebra.inequalities import is_inequality, solution_set
from toolsets.shipped.algebra.radicals import has_radical, solve_radicals
from toolsets.shipped.algebra.rewriting import simplest
from toolsets.shipped.algebra.single import by_sympy, is_zero, solve_one, zeros
from toolsets.shipped.algebra.solutions import NONE, write_assignments, write_set
from toolsets.shipped.algebra.stepwise import REFUSAL, solve_step, step_of
from toolsets.shipped.algebra.symbolic import Names, Relations, build
from toolsets.tools.decorator import tool

MOST_UNKNOWNS = 20
MOST_SOLUTIONS = 64  # of a polynomial system: the product of its degrees (Bézout)


@tool
def solve(equations: Relations, unknowns: Names) -> str:
    """Solve equations, a system or an inequality for the unknowns.

    Example:
        solve(equations=["x + y = 7", "x - y = 1"], unknowns=["x", "y"])
    """
    import sympy

    known = set(unknowns).union(*(names(tree) for tree in equations))
    equations = [split_products(tree, known) for tree in equations]
    _check_unknowns(equations, unknowns)
    symbols = [sympy.Symbol(name) for name in unknowns]
    if (special := _solve_special(equations, unknowns)) is not None:
        return special
    if any(is_inequality(tree) for tree in equations):
        return _solve_inequalities(equations, symbols)
    differences = [_difference(tree, unknowns)[1] for tree in equations]
    forbidden = [build(divisor, unknowns) for tree in equations for divisor in divisors(tree)]
    if len(differences) == 1 and len(symbols) == 1:
        return solve_one(differences[0], forbidden, symbols[0])
    differences = [d for d in differences if d.has(*symbols) or not _holds(d)]
    if not all(d.has(*symbols) for d in differences):
        return NONE
    solutions = _solve_system(differences, symbols)
    _check_other_names(solutions, differences, symbols)
    allowed = [s for s in solutions if not any(is_zero(divisor.subs(s)) for divisor in forbidden)]
    return write_assignments(symbols, allowed)


def _solve_special(equations: list[Tree], unknowns: list[str]) -> str | None:
    """Solve one equation with a rounding or an odd root; None for an equation without either."""
    import sympy

    pairs = [(tree, name) for tree in equations for name in unknowns]
    steps = [(tree, step, name) for tree, name in pairs if (step := step_of(tree, name))]
    is_one = len(equations) == len(unknowns) == 1 and not is_inequality(equations[0])
    if steps and not is_one:
        _, step, name = steps[0]
        raise ValueError(f"an equation with {step.operator} of {name} {REFUSAL}")
    if steps:
        solved = solve_step(*steps[0])
        if isinstance(solved, str):
            return solved
        return _solve_inequalities(solved, [sympy.Symbol(unknowns[0])])
    rooted = [(tree, name) for tree, name in pairs if has_radical(tree, name)]
    is_known = is_one and names(equations[0]) - {"pi", "e", "E"} == set(unknowns)
    return solve_radicals(*rooted[0]) if rooted and is_known else None


def _check_other_names(solutions: list[Any], differences: list[Any], symbols: list[Any]) -> None:
    """Raise ValueError for a system without solution whose other names were not asked for."""
    others = set().union(*(d.free_symbols for d in differences)) - set(symbols)
    if others and not solutions:
        listed = ", ".join(sorted(map(str, others)))
        asked = ", ".join(map(str, [*symbols, *sorted(others, key=str)]))
        reason = f"the equations also contain {listed}; solve them for {asked}, or give values"
        raise ValueError(reason)


def _check_unknowns(equations: list[Tree], unknowns: list[str]) -> None:
    if len(unknowns) > MOST_UNKNOWNS or len(equations) > MOST_UNKNOWNS:
        raise LimitExceeded(f"there are more than {MOST_UNKNOWNS} equations or unknowns")
    known = set().union(*(names(tree) for tree in equations))
    for unknown in unknowns:
        if unknown not in known:
            listed = ", ".join(sorted(known)) or "none"
            hint = "; write * between factors" if any(unknown in name for name in known) else ""
            reason = f"{unknown} does not occur in the equations; their names: {listed}{hint}"
            raise ValueError(reason)


def _holds(difference: Any) -> bool:
    """Whether an equation without unknowns is true; raises ValueError if that is undetermined."""
    if is_zero(simplest(difference)):
        return True
    if difference.free_symbols:
        raise ValueError(f"the equation {difference} = 0 contains none of the unknowns")
    return False


def _difference(tree: Tree, unknowns: list[str]) -> tuple[str, Any]:
    """The relation and left minus right; an expression alone means expression = 0."""
    match tree:
        case Apply(operator="=" | "≠" | "<" | "≤" | ">" | "≥" as operator, arguments=(left, right)):
            return operator, build(left, unknowns) - build(right, unknowns)
    return "=", build(tree, unknowns)


def _solve_inequalities(trees: list[Tree], symbols: list[Any]) -> str:
    import sympy

    if len(symbols) > 1:
        raise ValueError("inequalities can be solved for one unknown only")
    (x,) = symbols
    solutions = sympy.S.Reals
    for tree in trees:
        operator, difference = _difference(tree, [x.name])
        solutions = solutions.intersect(solution_set(operator, difference, x))
        for divisor in divisors(tree):  # sympy has already cancelled x/x
            solutions = solutions - sympy.FiniteSet(*zeros(build(divisor, [x.name]), x))
    text = write_set(x.name, solutions)
    if text is None:
        raise ValueError("the inequality could not be solved exactly")
    return text


def _solve_system(differences: list[Any], symbols: list[Any]) -> list[dict[Any, Any]]:
    import sympy
    from sympy.solvers.solveset import NonlinearError

    try:
        coefficients, right = sympy.linear_eq_to_matrix(differences, symbols)
    except NonlinearError:
        _check_intersections(differences, symbols)
        return by_sympy(differences, symbols)
    solved: Any = sympy.linsolve((coefficients, right), *symbols)
    return [{x: v for x, v in zip(symbols, values, strict=True) if x != v} for values in solved]


def _check_intersections(differences: list[Any], symbols: list[Any]) -> None:
    import sympy

    polynomials = [d for d in differences if d.is_polynomial(*symbols)]
    degrees = [sympy.Poly(d, *symbols).total_degree() for d in polynomials]
    if math.prod(degree for degree in degrees if degree > 0) > MOST_SOLUTIONS:
        raise LimitExceeded(f"the system may have more than {MOST_SOLUTIONS} solutions")

"""The functions for entailment, consistency, equivalence and example worlds.

Not here: the Z3 queries (`toolsets.shipped.logic.solver`).
"""

from __future__ import annotations

from toolsets.languages.formula.syntax import Formula, Not
from toolsets.shipped.logic import solver
from toolsets.shipped.logic.reading import (
    Formulas,
    ambiguities,
    check_names,
    read_formula,
    read_formulas,
    read_pair,
    read_query,
    with_warnings,
)
from toolsets.shipped.logic.worlds import describe
from toolsets.tools.decorator import tool


@tool
def entails(premises: Formulas, conclusion: str) -> str:
    """Tell whether premises make a conclusion True, False or Uncertain.

    Example:
        entails(premises=["forall x (Cat(x) -> Furry(x))", "Cat(tom)"], conclusion="Furry(tom)")
    """
    if not conclusion.strip():
        raise ValueError("conclusion is empty; write a formula")
    known, asked, warnings = read_query(premises, conclusion)
    assert asked is not None  # read_query raises for an unreadable conclusion
    entailment = solver.entails(known, asked)
    return with_warnings(entailment.answer, [*entailment.warnings, *warnings])


@tool
def consistent(formulas: Formulas) -> str:
    """Tell whether formulas can all be true together, True or False.

    Example:
        consistent(formulas=["forall x (Cat(x) -> Furry(x))", "Cat(tom) & ~Furry(tom)"])
    """
    read, _, warnings = read_query(formulas, name="formula")
    return with_warnings(_write(solver.consistent(read)), warnings)


@tool
def equivalent(first: str, second: str) -> str:
    """Tell whether two formulas mean the same, True or False.

    Example:
        equivalent(first="~exists x Cat(x)", second="forall x ~Cat(x)")
    """
    left, right = read_pair(first, second, "first", "second")
    return with_warnings(_write(solver.equivalent(left, right)), ambiguities([left, right]))


@tool
def find_model(formulas: Formulas) -> str:
    """Describe a small world in which all formulas are true.

    Example:
        find_model(formulas=["Cat(tom)", "exists x ~Cat(x)"])
    """
    return _example_world(read_formulas(formulas, "formula"), "the formulas contradict each other")


@tool
def counter_model(premises: Formulas, conclusion: str) -> str:
    """Describe a small world in which the premises are true and the conclusion is not.

    Example:
        counter_model(premises=["forall x (Cat(x) -> Pet(x))", "Pet(tom)"], conclusion="Cat(tom)")
    """
    known, asked = read_formulas(premises, "premise"), read_formula(conclusion, "conclusion")
    check_names([*known, asked])
    return _example_world([*known, Not(asked)], "the conclusion follows from the premises")


def _example_world(formulas: list[Formula], impossible: str) -> str:
    """A world in which the formulas are true; `impossible` is the reason given if none exists."""
    possible = solver.consistent(formulas, solver.SECONDS / 2)
    if possible is False:
        return f"None: {impossible}"
    world = next(solver.small_worlds(formulas, solver.SECONDS / 2), None)
    if world is None:
        most = solver.world_sizes(formulas)[-1]
        return f"Undecided\nno world of at most {most} things found"
    return describe(world)


def _write(answer: bool | None) -> str:
    return f"Undecided\nno answer within {solver.SECONDS:g} s" if answer is None else str(answer)

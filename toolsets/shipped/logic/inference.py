"""The functions that apply one inference rule: the conclusion, or an error if it does not apply."""

from __future__ import annotations

from toolsets.languages.formula.syntax import Binary, render
from toolsets.shipped.logic import steps
from toolsets.shipped.logic.reading import read_formula, read_pair, read_term
from toolsets.tools.decorator import tool


@tool
def modus_ponens(conditional: str, antecedent: str) -> str:
    """Conclude B from A -> B and A.

    Example:
        modus_ponens(conditional="Cat(tom) -> Furry(tom)", antecedent="Cat(tom)")
    """
    given = read_pair(conditional, antecedent, "conditional", "antecedent")
    return render(steps.modus_ponens(*given))


@tool
def modus_tollens(conditional: str, negated_consequent: str) -> str:
    """Conclude not A from A -> B and not B.

    Example:
        modus_tollens(conditional="Cat(tom) -> Furry(tom)", negated_consequent="~Furry(tom)")
    """
    given = read_pair(conditional, negated_consequent, "conditional", "negated_consequent")
    return render(steps.modus_tollens(*given))


@tool
def hypothetical_syllogism(first: str, second: str) -> str:
    """Conclude A -> C from A -> B and B -> C.

    Example:
        hypothetical_syllogism(first="Cat(tom) -> Pet(tom)", second="Pet(tom) -> Loved(tom)")
    """
    return render(steps.hypothetical_syllogism(*read_pair(first, second, "first", "second")))


@tool
def disjunctive_syllogism(disjunction: str, negated: str) -> str:
    """Conclude B from A or B and not A.

    Example:
        disjunctive_syllogism(disjunction="Cat(tom) | Dog(tom)", negated="~Cat(tom)")
    """
    given = read_pair(disjunction, negated, "disjunction", "negated")
    return render(steps.disjunctive_syllogism(*given))


@tool
def resolution(first: str, second: str) -> str:
    """Conclude B or C from A or B and not A or C.

    Example:
        resolution(first="Cat(tom) | Dog(tom)", second="~Cat(tom) | Furry(tom)")
    """
    return render(steps.resolution(*read_pair(first, second, "first", "second")))


@tool
def instantiate(formula: str, term: str) -> str:
    """Conclude from a formula about all things what it says about one.

    Example:
        instantiate(formula="forall x (Cat(x) -> Furry(x))", term="tom")
    """
    read = read_formula(formula, "formula")
    return render(steps.instantiate(read, read_term(term, read)))


@tool
def conjunction(first: str, second: str) -> str:
    """Conclude A and B from A and from B.

    Example:
        conjunction(first="Cat(tom)", second="Furry(tom)")
    """
    return render(Binary("∧", *read_pair(first, second, "first", "second")))


@tool
def simplification(conjunction: str, part: str) -> str:
    """Conclude one part from A and B.

    Example:
        simplification(conjunction="Cat(tom) & Furry(tom)", part="Furry(tom)")
    """
    given = read_pair(conjunction, part, "conjunction", "part")
    return render(steps.simplification(*given))

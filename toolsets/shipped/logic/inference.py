"""The functions that apply one inference rule: the conclusion, or an error if it does not apply."""

from __future__ import annotations

from toolsets.languages.formula.syntax import Binary, Quantified, render
from toolsets.shipped.logic import steps
from toolsets.shipped.logic.reading import read_formula, read_term
from toolsets.tools.decorator import tool


@tool
def modus_ponens(conditional: str, antecedent: str) -> str:
    """Conclude B from A -> B and A.

    Example:
        modus_ponens(conditional="Cat(tom) -> Furry(tom)", antecedent="Cat(tom)")
    """
    given = read_formula(conditional, "conditional"), read_formula(antecedent, "antecedent")
    return render(steps.modus_ponens(*given))


@tool
def modus_tollens(conditional: str, negated_consequent: str) -> str:
    """Conclude not A from A -> B and not B.

    Example:
        modus_tollens(conditional="Cat(tom) -> Furry(tom)", negated_consequent="~Furry(tom)")
    """
    negated = read_formula(negated_consequent, "negated_consequent")
    return render(steps.modus_tollens(read_formula(conditional, "conditional"), negated))


@tool
def hypothetical_syllogism(first: str, second: str) -> str:
    """Conclude A -> C from A -> B and B -> C.

    Example:
        hypothetical_syllogism(first="Cat(tom) -> Pet(tom)", second="Pet(tom) -> Loved(tom)")
    """
    return render(
        steps.hypothetical_syllogism(read_formula(first, "first"), read_formula(second, "second"))
    )


@tool
def disjunctive_syllogism(disjunction: str, negated: str) -> str:
    """Conclude B from A or B and not A.

    Example:
        disjunctive_syllogism(disjunction="Cat(tom) | Dog(tom)", negated="~Cat(tom)")
    """
    given = read_formula(disjunction, "disjunction"), read_formula(negated, "negated")
    return render(steps.disjunctive_syllogism(*given))


@tool
def resolution(first: str, second: str) -> str:
    """Conclude B or C from A or B and not A or C.

    Example:
        resolution(first="Cat(tom) | Dog(tom)", second="~Cat(tom) | Furry(tom)")
    """
    return render(steps.resolution(read_formula(first, "first"), read_formula(second, "second")))


@tool
def universal_instantiation(formula: str, term: str) -> str:
    """Conclude from a formula about all things what it says about one.

    Example:
        universal_instantiation(formula="forall x (Cat(x) -> Furry(x))", term="tom")
    """
    read = read_formula(formula, "formula")
    if not (isinstance(read, Quantified) and read.quantifier == "∀"):
        raise ValueError(f"expected a formula that begins with ∀, got {render(read)}")
    return render(steps.instantiate(read, read_term(term)))


@tool
def conjunction(first: str, second: str) -> str:
    """Conclude A and B from A and from B.

    Example:
        conjunction(first="Cat(tom)", second="Furry(tom)")
    """
    return render(Binary("∧", read_formula(first, "first"), read_formula(second, "second")))


@tool
def simplification(conjunction: str, part: str) -> str:
    """Conclude one part from A and B.

    Example:
        simplification(conjunction="Cat(tom) & Furry(tom)", part="Furry(tom)")
    """
    given = read_formula(conjunction, "conjunction"), read_formula(part, "part")
    return render(steps.simplification(*given))

"""The functions that rewrite a formula: equivalent forms and truth tables."""

from __future__ import annotations

from toolsets.languages.formula.syntax import Formula, render
from toolsets.shipped.logic import propositional, transform
from toolsets.shipped.logic.reading import read_formula
from toolsets.tools.decorator import tool


@tool
def negate(formula: str) -> str:
    """Negate a formula and move the negation inwards.

    Example:
        negate(formula="forall x (Cat(x) -> Furry(x))")
    """
    return render(transform.fold(transform.push_negations(read_formula(formula), negated=True)))


@tool
def simplify_formula(formula: str) -> str:
    """Write a formula as a shorter one that means the same.

    Example:
        simplify_formula(formula="~~Cat(tom) & (Furry(tom) | true)")
    """
    return render(propositional.shortest(transform.fold(read_formula(formula))))


@tool
def to_cnf(formula: str) -> str:
    """Write a formula without quantifiers as a conjunction of disjunctions.

    Example:
        to_cnf(formula="Cat(tom) -> Furry(tom) & Pet(tom)")
    """
    return render(propositional.conjunctive(_read(formula)))


@tool
def to_dnf(formula: str) -> str:
    """Write a formula without quantifiers as a disjunction of conjunctions.

    Example:
        to_dnf(formula="Cat(tom) <-> Furry(tom)")
    """
    return render(propositional.disjunctive(_read(formula)))


@tool
def truth_table(formula: str) -> str:
    """List for which truth values of its parts a formula without quantifiers is true.

    Example:
        truth_table(formula="p -> q")
    """
    read = _read(formula)
    rows = propositional.truth_rows(read)
    header = " | ".join(map(render, [*propositional.atoms(read), read]))
    lines = [" | ".join("T" if value else "F" for value in (*row, whole)) for row, whole in rows]
    true = sum(whole for _, whole in rows)
    return "\n".join([header, *lines, f"true in {true} of {len(rows)} rows"])


def _read(formula: str) -> Formula:
    """The formula, with known equalities such as 2 = 3 replaced by ⊤ or ⊥."""
    return transform.fold_equalities(read_formula(formula))

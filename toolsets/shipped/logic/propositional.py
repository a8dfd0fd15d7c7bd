"""Truth tables and normal forms of formulas without quantifiers, computed by sympy.

Each atom such as Cat(tom) or a = b is one proposition; its terms and the meaning of = are ignored.
sympy is imported by the first call that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import product
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Equality,
    Formula,
    Not,
    Quantified,
    Truth,
    render,
    walk,
)

MOST_IN_TABLE = 6  # atoms, 64 rows
MOST_IN_NORMAL_FORM = 8  # atoms, sympy's own limit for minimal forms


def is_propositional(formula: Formula) -> bool:
    """Whether a formula has no quantifier and few enough atoms for a normal form."""
    if any(isinstance(part, Quantified) for part in walk(formula)):
        return False
    return len(atoms(formula)) <= MOST_IN_NORMAL_FORM


def atoms(formula: Formula) -> list[Formula]:
    """The distinct atoms in order of first use."""
    return list(dict.fromkeys(p for p in walk(formula) if isinstance(p, Atom | Equality)))


def truth_rows(formula: Formula) -> list[tuple[tuple[bool, ...], bool]]:
    """Rows of the values of the atoms and of the formula, all true first; raises LimitExceeded."""
    return _rows(formula, _propositions(formula, MOST_IN_TABLE))


def conjunctive(formula: Formula) -> Formula:
    """The shortest equivalent conjunction of disjunctions; raises LimitExceeded."""
    from sympy.logic.boolalg import POSform

    return _normal(formula, POSform)


def disjunctive(formula: Formula) -> Formula:
    """The shortest equivalent disjunction of conjunctions; raises LimitExceeded."""
    from sympy.logic.boolalg import SOPform

    return _normal(formula, SOPform)


def shortest(formula: Formula) -> Formula:
    """The shortest of the formula and its two normal forms, if it has normal forms."""
    if not is_propositional(formula):
        return formula
    return min((formula, disjunctive(formula), conjunctive(formula)), key=lambda f: len(render(f)))


def _normal(formula: Formula, shortest_form: Callable[..., Any]) -> Formula:
    """Build a normal form from the truth table.

    sympy's to_cnf and to_dnf return an input that is already in the form, even if it is long.
    """
    propositions = _propositions(formula, MOST_IN_NORMAL_FORM)
    true = [list(map(int, row)) for row, whole in _rows(formula, propositions) if whole]
    return _from_sympy(shortest_form(list(propositions.values()), true), propositions)


def _rows(
    formula: Formula, propositions: dict[Formula, Any]
) -> list[tuple[tuple[bool, ...], bool]]:
    expression = _to_sympy(formula, propositions)
    symbols = list(propositions.values())
    rows = product((True, False), repeat=len(symbols))
    return [(row, bool(expression.subs(dict(zip(symbols, row, strict=True))))) for row in rows]


def _propositions(formula: Formula, most: int) -> dict[Formula, Any]:
    from sympy import Symbol

    if any(isinstance(part, Quantified) for part in walk(formula)):
        raise ValueError(
            f"{render(formula)} has a quantifier; give one without, such as an instance"
        )
    distinct = atoms(formula)
    if len(distinct) > most:
        counted = f"{len(distinct)} different atoms"
        raise LimitExceeded(f"the formula has {counted}; at most {most} are allowed")
    return {atom: Symbol(f"p{number}") for number, atom in enumerate(distinct)}


def _to_sympy(formula: Formula, propositions: dict[Formula, Any]) -> Any:
    from sympy.logic.boolalg import And, Equivalent, Implies, Or, Xor, false, true
    from sympy.logic.boolalg import Not as Negation

    joins = {"∧": And, "∨": Or, "→": Implies, "↔": Equivalent, "⊕": Xor}
    match formula:
        case Truth(value=value):
            return true if value else false
        case Not(operand=operand):
            return Negation(_to_sympy(operand, propositions))
        case Binary(connective=connective, left=left, right=right):
            sides = _to_sympy(left, propositions), _to_sympy(right, propositions)
            return joins[connective](*sides)
        case _:
            return propositions[formula]


def _from_sympy(expression: Any, propositions: dict[Formula, Any]) -> Formula:
    """Convert a normal form (And, Or and Not only); sides in the order of the atoms."""
    from sympy.logic.boolalg import And, false, true
    from sympy.logic.boolalg import Not as Negation

    if expression in (true, false):
        return Truth(bool(expression))
    if isinstance(expression, Negation):
        return Not(_from_sympy(expression.args[0], propositions))
    if expression.is_Symbol:
        return list(propositions)[list(propositions.values()).index(expression)]
    order = list(propositions)
    sides = [_from_sympy(side, propositions) for side in expression.args]
    sides.sort(key=lambda side: [order.index(atom) for atom in atoms(side)])
    connective = "∧" if isinstance(expression, And) else "∨"
    return reduce(lambda left, right: Binary(connective, left, right), sides)

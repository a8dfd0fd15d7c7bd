"""Equivalent rewriting of formulas: negations moved inwards, constants folded.

Not here: normal forms (`propositional`), inference rules (`steps`).
"""

from __future__ import annotations

from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Connective,
    Equality,
    Formula,
    Not,
    Quantified,
    Truth,
    free_variables,
    number_value,
    same,
)


def complement(formula: Formula) -> Formula:
    """The negation, without a double ¬ at the front."""
    return formula.operand if isinstance(formula, Not) else Not(formula)


def push_negations(formula: Formula, negated: bool = False) -> Formula:
    """Move ¬ inwards to the atoms, of the formula or its negation; ¬ swaps ↔ and ⊕."""
    match formula:
        case Not(operand=operand):
            return push_negations(operand, not negated)
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            swapped = "∃" if quantifier == "∀" else "∀"
            pushed = swapped if negated else quantifier
            return Quantified(pushed, variable, push_negations(body, negated))
        case Binary():
            return _push_into(formula, negated)
        case Truth(value=value):
            return Truth(value != negated)
        case Atom() | Equality():
            return Not(formula) if negated else formula


def _push_into(formula: Binary, negated: bool) -> Formula:
    connective, left, right = formula.connective, formula.left, formula.right
    match connective:
        case "∧" | "∨":
            swapped = "∨" if connective == "∧" else "∧"
            pushed = swapped if negated else connective
            return Binary(pushed, push_negations(left, negated), push_negations(right, negated))
        case "→" if negated:
            return Binary("∧", push_negations(left), push_negations(right, True))
        case "↔" | "⊕" if negated:
            swapped = "⊕" if connective == "↔" else "↔"
            return Binary(swapped, push_negations(left), push_negations(right))
        case _:
            return Binary(connective, push_negations(left), push_negations(right))


def fold(formula: Formula) -> Formula:
    """Simplify ⊤, ⊥, ¬¬, equal or contradicting sides, and quantifiers of unused variables."""
    match formula:
        case Not(operand=operand):
            return _fold_negation(fold(operand))
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            inner = fold(body)
            unused = variable not in free_variables(inner)
            return inner if unused else Quantified(quantifier, variable, inner)
        case Binary(connective=connective, left=left, right=right):
            return _fold_binary(Binary(connective, fold(left), fold(right)))
        case Equality():
            return _fold_equality(formula)
        case _:
            return formula


def fold_equalities(formula: Formula) -> Formula:
    """Replace a = a and equalities of two numbers by ⊤ or ⊥, in a formula without quantifiers."""
    match formula:
        case Equality():
            return _fold_equality(formula)
        case Not(operand=operand):
            return Not(fold_equalities(operand))
        case Binary(connective=connective, left=left, right=right):
            return Binary(connective, fold_equalities(left), fold_equalities(right))
        case _:
            return formula


def _fold_equality(formula: Equality) -> Formula:
    if formula.left == formula.right:
        return Truth(True)
    values = number_value(formula.left.name), number_value(formula.right.name)
    return formula if None in values else Truth(values[0] == values[1])


def _fold_negation(operand: Formula) -> Formula:
    return Truth(not operand.value) if isinstance(operand, Truth) else complement(operand)


def _fold_binary(formula: Binary) -> Formula:
    connective, left, right = formula.connective, formula.left, formula.right
    if isinstance(right, Truth):
        return _fold_truth(connective, right.value, left, first=False)
    if isinstance(left, Truth):
        return _fold_truth(connective, left.value, right, first=True)
    if same(left, right):
        return left if connective in "∧∨" else Truth(connective != "⊕")
    if same(complement(left), right) or same(left, complement(right)):
        return right if connective == "→" else Truth(connective in "∨⊕")
    return formula


def _fold_truth(connective: Connective, value: bool, other: Formula, *, first: bool) -> Formula:
    """Fold `value` joined with `other`; `first` if the value is the left side."""
    match connective:
        case "∧":
            return other if value else Truth(False)
        case "∨":
            return Truth(True) if value else other
        case "→" if first:
            return other if value else Truth(True)
        case "→":
            return Truth(True) if value else _fold_negation(other)
        case "↔" | "⊕":
            return other if value == (connective == "↔") else _fold_negation(other)

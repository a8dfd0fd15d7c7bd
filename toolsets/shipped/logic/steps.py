"""Inference rules: each returns the conclusion, or raises ValueError if it does not apply.

Formulas that differ only in the names of bound variables count as equal. If a rule expects ¬A and
A is ¬B, it also accepts B.

Not here: entailment in general (`toolsets.shipped.logic.solver`).
"""

from __future__ import annotations

from functools import reduce

from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Connective,
    Equality,
    Formula,
    Not,
    Quantified,
    Term,
    Truth,
    render,
    same,
    substitute,
)
from toolsets.shipped.logic.transform import complement


def modus_ponens(conditional: Formula, antecedent: Formula) -> Formula:
    """From A → B and A, conclude B; A ↔ B works in both directions."""
    given = _conditional(conditional)
    if same(given.left, antecedent):
        return given.right
    if given.connective == "↔" and same(given.right, antecedent):
        return given.left
    raise ValueError(_expected("the left side of the conditional", given.left, antecedent))


def modus_tollens(conditional: Formula, negated: Formula) -> Formula:
    """From A → B and ¬B, conclude ¬A; A ↔ B works in both directions."""
    given = _conditional(conditional)
    if opposite(given.right, negated):
        return complement(given.left)
    if given.connective == "↔" and opposite(given.left, negated):
        return complement(given.right)
    wanted = complement(given.right)
    raise ValueError(_expected("the negated right side of the conditional", wanted, negated))


def hypothetical_syllogism(first: Formula, second: Formula) -> Formula:
    """From A → B and B → C, conclude A → C."""
    start, end = _conditional(first), _conditional(second)
    if not same(start.right, end.left):
        wanted = "the right side of the first conditional as the left side of the second"
        raise ValueError(_expected(wanted, start.right, end.left))
    return Binary("→", start.left, end.right)


def disjunctive_syllogism(disjunction: Formula, negated: Formula) -> Formula:
    """From A ∨ B and ¬A, conclude B; from A ⊕ B and ¬A, B; from A ⊕ B and A, ¬B."""
    if isinstance(disjunction, Binary) and disjunction.connective == "⊕":
        return _exclusive_syllogism(disjunction, negated)
    sides = flatten(disjunction, "∨")
    remaining = [side for side in sides if not opposite(side, negated)]
    if len(sides) == 1:
        raise ValueError(f"expected a formula A ∨ B, got {render(disjunction)}{_hint(disjunction)}")
    if len(remaining) == len(sides) or not remaining:
        wanted = " or ".join(render(complement(side)) for side in sides)
        raise ValueError(f"expected the negation of a side, {wanted}, got {render(negated)}")
    return join(remaining, "∨")


def resolution(first: Formula, second: Formula) -> Formula:
    """From A ∨ B and ¬A ∨ C, conclude B ∨ C; ⊥ if no side remains."""
    clauses = [_clause(first), _clause(second)]
    pairs = [(a, b) for a in clauses[0] for b in clauses[1] if opposite(a, b)]
    if not pairs:
        raise ValueError(
            f"no side of {render(first)} is the negation of a side of {render(second)}"
        )
    one, other = pairs[0]
    rest = [side for side in clauses[0] if not same(side, one)]
    rest += [side for side in clauses[1] if not same(side, other)]
    return join(unique(rest), "∨") if rest else Truth(False)


def simplification(conjunction: Formula, part: Formula) -> Formula:
    """From A ∧ B, conclude A or B."""
    sides = flatten(conjunction, "∧")
    if any(same(side, part) for side in sides) or same(conjunction, part):
        return part
    wanted = ", ".join(map(render, sides))
    raise ValueError(f"{render(part)} is not a side of the conjunction; its sides are: {wanted}")


def instantiate(formula: Formula, term: Term) -> Formula:
    """From ∀x A(x), conclude A(term)."""
    if not (isinstance(formula, Quantified) and formula.quantifier == "∀"):
        some = isinstance(formula, Quantified)
        hint = "; ∃ says of some thing, but not of which one" * some
        raise ValueError(f"expected a formula that begins with ∀, got {render(formula)}{hint}")
    return substitute(formula.body, {formula.variable: term})


def opposite(one: Formula, other: Formula) -> bool:
    """Whether one formula is the negation of the other."""
    return same(Not(one), other) or same(one, Not(other))


def flatten(formula: Formula, connective: Connective) -> list[Formula]:
    """The sides of A ∨ B ∨ C, for the given connective; else the formula itself."""
    if isinstance(formula, Binary) and formula.connective == connective:
        return [*flatten(formula.left, connective), *flatten(formula.right, connective)]
    return [formula]


def join(sides: list[Formula], connective: Connective) -> Formula:
    """Join at least one side with the connective, such as A ∨ B ∨ C."""
    return reduce(lambda left, right: Binary(connective, left, right), sides)


def unique(formulas: list[Formula]) -> list[Formula]:
    """Drop repeated formulas; keep the order."""
    distinct: list[Formula] = []
    for formula in formulas:
        if not any(same(formula, other) for other in distinct):
            distinct.append(formula)
    return distinct


def _exclusive_syllogism(formula: Binary, other: Formula) -> Formula:
    for side, rest in ((formula.left, formula.right), (formula.right, formula.left)):
        if opposite(side, other):
            return rest
        if same(side, other):
            return complement(rest)
    raise ValueError(f"expected a side of {render(formula)} or its negation, got {render(other)}")


def _conditional(formula: Formula) -> Binary:
    if isinstance(formula, Binary) and formula.connective in ("→", "↔"):
        return formula
    raise ValueError(f"expected a formula A → B, got {render(formula)}{_hint(formula)}")


def _clause(formula: Formula) -> list[Formula]:
    sides = flatten(formula, "∨")
    for side in sides:
        bare = side.operand if isinstance(side, Not) else side
        if not isinstance(bare, Atom | Equality):
            reason = "expected a disjunction of atoms and negated atoms"
            raise ValueError(f"{reason}, got {render(formula)}{_hint(formula)}")
    return sides


def _expected(role: str, wanted: Formula, got: Formula) -> str:
    return f"expected {role}, {render(wanted)}, got {render(got)}"


def _hint(formula: Formula) -> str:
    universal = isinstance(formula, Quantified) and formula.quantifier == "∀"
    return "; first replace its variable by a constant (instantiate)" * universal

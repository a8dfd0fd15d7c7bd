from collections.abc import Callable

import pytest

from toolsets.languages.formula.parser import parse, parse_term
from toolsets.languages.formula.syntax import Formula, render
from toolsets.shipped.logic.solver import entails
from toolsets.shipped.logic.steps import (
    disjunctive_syllogism,
    hypothetical_syllogism,
    instantiate,
    modus_ponens,
    modus_tollens,
    resolution,
    simplification,
)

Rule = Callable[[Formula, Formula], Formula]


@pytest.mark.parametrize(
    ("rule", "first", "second", "result"),
    [
        (modus_ponens, "p -> q", "p", "q"),
        (modus_ponens, "p <-> q", "q", "p"),
        (modus_ponens, "(forall x P(x)) -> q", "forall y P(y)", "q"),
        (modus_tollens, "p -> q", "~q", "¬p"),
        (modus_tollens, "p -> ~q", "q", "¬p"),
        (modus_tollens, "~p -> q", "~q", "p"),
        (modus_tollens, "p <-> q", "~p", "¬q"),
        (hypothetical_syllogism, "p -> q", "q -> r", "p → r"),
        (disjunctive_syllogism, "p | q", "~p", "q"),
        (disjunctive_syllogism, "p | q", "~q", "p"),
        (disjunctive_syllogism, "p | q | r", "~q", "p ∨ r"),
        (disjunctive_syllogism, "~p | q", "p", "q"),
        (disjunctive_syllogism, "p xor q", "~p", "q"),
        (disjunctive_syllogism, "p xor q", "p", "¬q"),
        (disjunctive_syllogism, "p xor q", "q", "¬p"),
        (resolution, "p | q", "~p | r", "q ∨ r"),
        (resolution, "p | q", "~p | q", "q"),
        (resolution, "p", "~p", "⊥"),
        (resolution, "~Cat(tom) | Furry(tom)", "Cat(tom)", "Furry(tom)"),
        (simplification, "p & q & r", "q", "q"),
    ],
)
def test_a_rule_returns_what_is_entailed(rule: Rule, first: str, second: str, result: str) -> None:
    concluded = rule(parse(first), parse(second))
    assert render(concluded) == result
    assert entails([parse(first), parse(second)], concluded).answer == "True"


@pytest.mark.parametrize(
    ("rule", "first", "second", "message"),
    [
        (modus_ponens, "p -> q", "q", "expected the left side of the conditional, p, got q"),
        (modus_ponens, "p & q", "p", "expected a formula A → B, got p ∧ q"),
        (
            modus_ponens,
            "forall x (P(x) -> Q(x))",
            "P(a)",
            "expected a formula A → B, got ∀x (P(x) → Q(x));"
            " first replace its variable by a constant (instantiate)",
        ),
        (
            modus_tollens,
            "p -> q",
            "~p",
            "expected the negated right side of the conditional, ¬q, got ¬p",
        ),
        (
            hypothetical_syllogism,
            "p -> q",
            "r -> p",
            "expected the right side of the first conditional",
        ),
        (disjunctive_syllogism, "p | q", "p", "expected the negation of a side, ¬p or ¬q, got p"),
        (disjunctive_syllogism, "p & q", "~p", "expected a formula A ∨ B, got p ∧ q"),
        (disjunctive_syllogism, "p xor q", "r", "expected a side of p ⊕ q or its negation, got r"),
        (resolution, "p | q", "p | r", "no side of p ∨ q is the negation of a side of p ∨ r"),
        (resolution, "p & q", "~p", "expected a disjunction of atoms and negated atoms, got p ∧ q"),
        (simplification, "p & q", "r", "r is not a side of the conjunction; its sides are: p, q"),
        (simplification, "p | q", "p", "p is not a side of the conjunction; its sides are: p ∨ q"),
    ],
)
def test_a_rule_that_does_not_apply_raises_with_the_reason(
    rule: Rule, first: str, second: str, message: str
) -> None:
    with pytest.raises(ValueError) as raised:
        rule(parse(first), parse(second))
    assert str(raised.value).startswith(message)


def test_instantiation_replaces_the_outermost_variable() -> None:
    formula = parse("∀x (Cat(x) → ∃y Likes(x, y))")
    assert render(instantiate(formula, parse_term("father(y)"))) == (
        "Cat(father(y)) → ∃y1 Likes(father(y), y1)"
    )
    with pytest.raises(ValueError, match="begins with ∀, got p"):
        instantiate(parse("p"), parse_term("a"))
    with pytest.raises(ValueError, match="begins with ∀, got ∃x Cat"):
        instantiate(parse("∃x Cat(x)"), parse_term("tom"))

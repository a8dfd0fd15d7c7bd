from collections.abc import Callable

import pytest

from toolsets.languages.formula.parser import parse, parse_term
from toolsets.languages.formula.syntax import Formula, render
from toolsets.shipped.logic.solver import entails
from toolsets.shipped.logic.steps import chain, deny, detach, exclude, put, resolve, take

Rule = Callable[[Formula, Formula], Formula]


@pytest.mark.parametrize(
    ("rule", "first", "second", "result"),
    [
        (detach, "p -> q", "p", "q"),
        (detach, "p <-> q", "q", "p"),
        (detach, "(forall x P(x)) -> q", "forall y P(y)", "q"),
        (deny, "p -> q", "~q", "¬p"),
        (deny, "p -> ~q", "q", "¬p"),
        (deny, "~p -> q", "~q", "p"),
        (deny, "p <-> q", "~p", "¬q"),
        (chain, "p -> q", "q -> r", "p → r"),
        (exclude, "p | q", "~p", "q"),
        (exclude, "p | q", "~q", "p"),
        (exclude, "p | q | r", "~q", "p ∨ r"),
        (exclude, "~p | q", "p", "q"),
        (exclude, "p xor q", "~p", "q"),
        (exclude, "p xor q", "p", "¬q"),
        (exclude, "p xor q", "q", "¬p"),
        (resolve, "p | q", "~p | r", "q ∨ r"),
        (resolve, "p | q", "~p | q", "q"),
        (resolve, "p", "~p", "⊥"),
        (resolve, "~Cat(tom) | Furry(tom)", "Cat(tom)", "Furry(tom)"),
        (take, "p & q & r", "q", "q"),
    ],
)
def test_a_rule_gives_what_follows(rule: Rule, first: str, second: str, result: str) -> None:
    concluded = rule(parse(first), parse(second))
    assert render(concluded) == result
    assert entails([parse(first), parse(second)], concluded).answer == "True"


@pytest.mark.parametrize(
    ("rule", "first", "second", "message"),
    [
        (detach, "p -> q", "q", "expected the left side of the conditional, p, got q"),
        (detach, "p & q", "p", "expected a formula A → B, got p ∧ q"),
        (
            detach,
            "forall x (P(x) -> Q(x))",
            "P(a)",
            "expected a formula A → B, got ∀x (P(x) → Q(x));"
            " put a constant for its variable first (universal_instantiation)",
        ),
        (deny, "p -> q", "~p", "expected the negated right side of the conditional, ¬q, got ¬p"),
        (chain, "p -> q", "r -> p", "expected the right side of the first conditional"),
        (exclude, "p | q", "p", "expected the negation of a side, ¬p or ¬q, got p"),
        (exclude, "p & q", "~p", "expected a formula A ∨ B, got p ∧ q"),
        (exclude, "p xor q", "r", "expected a side of p ⊕ q or its negation, got r"),
        (resolve, "p | q", "p | r", "no side of p ∨ q is the negation of a side of p ∨ r"),
        (resolve, "p & q", "~p", "expected a disjunction of atoms and negated atoms, got p ∧ q"),
        (take, "p & q", "r", "r is no side of the conjunction; its sides are: p, q"),
        (take, "p | q", "p", "p is no side of the conjunction; its sides are: p ∨ q"),
    ],
)
def test_a_rule_that_does_not_apply_says_why(
    rule: Rule, first: str, second: str, message: str
) -> None:
    with pytest.raises(ValueError) as raised:
        rule(parse(first), parse(second))
    assert str(raised.value).startswith(message)


def test_a_term_takes_the_place_of_the_outermost_variable() -> None:
    formula = parse("∀x (Cat(x) → ∃y Likes(x, y))")
    assert render(put(formula, parse_term("father(y)"))) == (
        "Cat(father(y)) → ∃y1 Likes(father(y), y1)"
    )
    with pytest.raises(ValueError, match="begins with ∀ or ∃, got p"):
        put(parse("p"), parse_term("a"))

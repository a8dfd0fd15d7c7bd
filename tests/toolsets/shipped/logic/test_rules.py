"""Formulas as rules: the rules mean the same as the formula, or it is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.toolsets.languages.formula.formulas import CONNECTIVES
from toolsets.errors import LimitExceeded
from toolsets.languages.formula.parser import parse
from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Formula,
    Function,
    Not,
    Quantified,
    Truth,
    Variable,
)
from toolsets.shipped.logic.rules import Case, Rule, read_rules
from toolsets.shipped.logic.solver import equivalent


def formulas(bound: tuple[str, ...] = (), levels: int = 4) -> st.SearchStrategy[Formula]:
    """Closed formulas without functions and =."""
    term = st.sampled_from([Function("tom"), *(Variable(name) for name in bound)])
    simple = st.builds(lambda name, one: Atom(name, (one,)), st.sampled_from("ABC"), term)
    simple |= st.builds(lambda one, other: Atom("R", (one, other)), term, term)
    if levels == 0:
        return simple
    below = formulas(bound, levels - 1)
    quantified = [
        st.builds(Quantified, st.just(sign), st.just(name), formulas((*bound, name), levels - 1))
        for sign in ("∀", "∃")
        for name in ("x", "y")
    ]
    return st.one_of(
        simple, st.builds(Not, below), st.builds(Binary, CONNECTIVES, below, below), *quantified
    )


def shown(text: str) -> list[str]:
    return [
        f"{' & '.join(map(str, rule.body)) or 'fact'} -> {' & '.join(map(str, rule.head)) or '⊥'}"
        for rule in read_rules([parse(text)])
    ]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("Cat(tom)", ["fact -> Cat(tom)"]),
        ("Cat(tom) & ~Dog(tom)", ["fact -> Cat(tom)", "fact -> ¬Dog(tom)"]),
        ("forall x (A(x) -> B(x) & C(x))", ["A(x) -> B(x)", "A(x) -> C(x)"]),
        ("forall x (A(x) | B(x) -> C(x))", ["A(x) -> C(x)", "B(x) -> C(x)"]),
        ("forall x (A(x) -> (B(x) -> C(x)))", ["A(x) & B(x) -> C(x)"]),
        ("forall x (A(x) <-> B(x))", ["A(x) -> B(x)", "B(x) -> A(x)"]),
        ("forall x (~A(x) | B(x))", ["A(x) -> B(x)"]),
        ("~exists x (A(x) & B(x))", ["A(x) & B(x) -> ⊥"]),
        ("~exists x (A(x) & ~B(x))", ["A(x) -> B(x)"]),
        ("~(p -> q)", ["fact -> p", "fact -> ¬q"]),
        ("~(p xor q)", ["p -> q", "q -> p"]),
        ("forall x ((exists y R(x, y)) -> A(x))", ["R(x, y) -> A(x)"]),
        ("forall x (A(x) -> forall x B(x))", ["A(x) -> B(x1)"]),
        ("forall x (A(x) -> exists y (R(x, y) & B(y)))", ["A(x) -> R(x, y) & B(y)"]),
        ("(p xor q) -> r", ["p & ¬q -> r", "¬p & q -> r"]),
        ("true", []),
        ("p -> false", ["p -> ⊥"]),
        ("false -> p", []),
    ],
)
def test_a_formula_is_read_as_rules(text: str, rules: list[str]) -> None:
    assert shown(text) == rules


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("p | q", "disjunction"),
        ("p xor q", "disjunction"),
        ("~(p <-> q)", "disjunction"),
        ("~(~p & ~q)", "disjunction"),
        ("forall x (A(x) -> B(x) | C(x))", "disjunction"),
        ("forall x (A(x) -> ~(~B(x) & ~C(x)))", "disjunction"),
        ("exists x (A(x) -> B(x))", "∃ of more than atoms joined by ∧"),
        ("exists x ~A(x)", "∃ of more than atoms"),
        ("~forall x A(x)", "∃ of something negated"),
        ("a = b", "uses ="),
        ("forall x (x != a -> A(x))", "uses ="),
        ("A(f(tom))", "the function f(tom)"),
        ("forall x (~exists y R(x, y) -> A(x))", "premise 1 has ∀y ¬R(x, y) as a condition"),
    ],
)
def test_another_formula_is_refused_with_its_number(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="premise 2") as refused:
        read_rules([parse("Known(tom)"), parse(text)])
    assert reason.replace("premise 1", "premise 2") in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        " & ".join(f"(A{n} | B{n})" for n in range(20)) + " -> C",
        " <-> ".join(["false"] * 90),
        f"({' <-> '.join(f'A{n}' for n in range(25))}) -> C",
        " <-> ".join(["true"] * 90) + " -> C",
        f"{'q <-> ' * 50}q",
        f"({' xor '.join(f'A{n}' for n in range(25))}) -> C",
        " & ".join(f"A{n}" for n in range(51)) + " -> C",
    ],
)
def test_a_formula_with_too_many_cases_is_refused_soon(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(LimitExceeded, match="premise 1 has too many conditions; divide it"):
        read_rules([parse(text)])
    assert time.monotonic() - start < 2


@given(formulas())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_rules_are_equivalent_to_their_formula(formula: Formula) -> None:
    try:
        rules = read_rules([formula])
    except ValueError:
        assume(False)
        return
    together: Formula = Truth(True)
    for rule in rules:
        together = Binary("∧", together, as_formula(rule))
    assert equivalent(formula, together, seconds=1) is not False


def as_formula(rule: Rule) -> Formula:
    head = conjunction(rule.head) if rule.head else Truth(False)
    for name in rule.new:
        head = Quantified("∃", name, head)
    formula: Formula = Binary("→", conjunction(rule.body), head)
    literals = (*rule.body, *rule.head)
    for name in {name for literal in literals for name in literal.variables} - rule.new:
        formula = Quantified("∀", name, formula)
    return formula


def conjunction(case: Case) -> Formula:
    formula: Formula = Truth(True)
    for literal in case:
        formula = Binary("∧", formula, literal.atom if literal.positive else Not(literal.atom))
    return formula

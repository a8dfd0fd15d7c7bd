"""Forward chaining agrees with Z3, and with a naive evaluator on rules without ∃."""

from __future__ import annotations

import random
import time

import pytest

from tests.toolsets.shipped.logic.programs import (
    all_atoms,
    random_program,
    true_atoms,
    write,
)
from toolsets.errors import LimitExceeded
from toolsets.languages.formula.parser import parse
from toolsets.languages.formula.syntax import Formula
from toolsets.shipped.logic.chase import ENDLESS, derive, follows
from toolsets.shipped.logic.solver import INCONSISTENT, Entailment, entails

ENDLESS_RULES = ["P(a)", "forall x (P(x) -> exists y (R(x, y) & P(y)))"]
TIMED_OUT = "Undecided"


def ask(premises: list[str], conclusion: str) -> Entailment:
    return follows([parse(premise) for premise in premises], parse(conclusion))


@pytest.mark.parametrize(
    ("premises", "conclusion", "answer"),
    [
        (["P(a)", "forall x (P(x) -> exists y R(x, y))"], "exists y R(a, y)", "True"),
        (["P(a)", "forall x (P(x) -> exists y R(x, y))"], "R(a, a)", "Uncertain"),
        (["exists x P(x)"], "P(a)", "Uncertain"),
        (["exists x (P(x) & Q(x))"], "exists y Q(y)", "True"),
        (["exists x P(x)", "exists x Q(x)"], "exists x (P(x) & Q(x))", "Uncertain"),
        (["forall x P(x)"], "exists x P(x)", "True"),
        ([], "exists x P(x)", "Uncertain"),
        (["forall x ~P(x)"], "exists x P(x)", "False"),
        (["~P(a)"], "P(a)", "False"),
        (["~P(a)"], "~P(a)", "True"),
        (["P(a)"], "~P(a)", "False"),
        (["P(a)"], "~~P(a)", "True"),
        (["forall x (P(x) -> Q(x))", "~Q(a)"], "P(a)", "False"),
        (["forall x (P(x) -> ~Q(x))", "P(a)"], "P(a) & Q(a)", "False"),
        (["~P(a)"], "P(a) | Q(a)", "Uncertain"),
        (["~P(a)", "~Q(a)"], "P(a) | Q(a)", "False"),
        (["P(a)"], "Q(a) | P(a)", "True"),
        (ENDLESS_RULES, "exists x exists y exists z (R(x, y) & R(y, z))", "True"),
        ([*ENDLESS_RULES, "~P(a)"], "Q(a)", "True"),
        (["forall x exists y R(x, y)", "R(a, b)", "R(b, b)"], "R(a, a)", "Uncertain"),
        (["P(thing1)", "exists x ~~Q(x)"], "Q(thing1)", "Uncertain"),
        (["p", "p -> q"], "q", "True"),
        ([], "true", "True"),
    ],
)
def test_a_conclusion_follows_its_negation_does_or_neither(
    premises: list[str], conclusion: str, answer: str
) -> None:
    assert ask(premises, conclusion).answer == answer


def test_where_the_chase_does_not_end_the_answer_says_so() -> None:
    assert ask(ENDLESS_RULES, "R(a, a)") == Entailment("Undecided", (ENDLESS,))
    with pytest.raises(LimitExceeded, match="rules with ∃ go on beyond the bound of"):
        derive([parse(premise) for premise in ENDLESS_RULES])


def test_contradicting_premises_entail_everything_with_a_warning() -> None:
    assert ask(["P(a)", "~P(a)"], "~Q(b)") == Entailment("True", (INCONSISTENT,))


@pytest.mark.parametrize(
    ("premises", "conclusion", "message"),
    [
        (["~p -> q"], "q", "premise 1 has the negated condition ¬p"),
        (["p", "q | r"], "q", "premise 2, q ∨ r, concludes a disjunction"),
        (["p"], "forall x P(x)", "the conclusion has ∀x P"),
        (["p"], "p -> q", "the conclusion has p → q"),
        (["p"], "p & ~q", "the conclusion has ¬q"),
        (["p"], "a = b", "the conclusion has a = b"),
        (["p"], "P(f(a))", "the conclusion, P.f.a.., uses the function f"),
    ],
)
def test_what_the_chase_cannot_decide_exactly_is_refused(
    premises: list[str], conclusion: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ask(premises, conclusion)


@pytest.mark.parametrize("seed", range(100))
def test_the_facts_of_a_random_program_are_those_of_a_naive_evaluator(seed: int) -> None:
    program = random_program(random.Random(seed), negation=False)
    naming = parse("All(ann) & All(bob) & All(cid)")
    facts, warnings = derive([*(parse(str(clause)) for clause in program), naming])
    derived = {(fact.name, fact.things) for fact in facts.listed() if fact.name != "All"}
    assert (derived, warnings) == (true_atoms(program), [])


def test_each_reason_is_an_instance_of_its_premise() -> None:
    program = random_program(random.Random(3), negation=False)
    facts, _ = derive([parse(str(clause)) for clause in program])
    for fact, reason in facts.listed().items():
        known = [parse(str(parent)) for parent in reason.parents]
        rule = parse(str(program[reason.premise - 1]))
        assert entails([*known, rule], parse(str(fact))).answer == "True"


def random_theory(chance: random.Random) -> tuple[list[Formula], Formula]:
    program = [str(clause) for clause in random_program(chance, negation=False)]
    new = [
        "forall x (P(x) -> exists y (R(x, y) & Q(y)))",
        "forall x (Q(x) -> exists y exists z (T(y, z) & T(x, y)))",
        "exists x (P(x) & S(x))",
        "forall x forall y (R(x, y) -> exists z (T(y, z) & P(z)))",
        "forall x (P(x) -> ~S(x))",
        "forall x forall y ~(T(x, y) & R(y, x))",
        "~Q(cid)",
    ]
    asked = [
        *(f"{chance.choice(('', '~'))}{write(chance.choice(all_atoms()))}" for _ in range(2)),
        "exists x exists y (R(x, y) & Q(y))",
        "exists x (P(x) & S(x))",
        "~exists x exists y (T(x, y) & T(y, x))",
        "exists x (S(x) & Q(x)) | T(ann, bob)",
    ]
    premises = chance.sample(program, 5) + chance.sample(new, chance.randint(1, 3))
    return [parse(premise) for premise in premises], parse(chance.choice(asked))


@pytest.mark.parametrize("seed", range(60))
def test_an_answer_about_a_random_theory_with_new_things_is_that_of_z3(seed: int) -> None:
    premises, conclusion = random_theory(random.Random(seed))
    answer, checked = follows(premises, conclusion), entails(premises, conclusion)
    if TIMED_OUT not in (answer.answer, checked.answer):
        assert answer.answer == checked.answer


def test_a_hard_derivation_ends_within_its_bound() -> None:
    edges = [f"R(n{a}, n{b})" for a in range(13) for b in range(13)]
    rule = "forall x forall y forall z forall u forall v (R(x, y) & R(y, z) & R(z, u) -> T(x, v))"
    start = time.monotonic()
    with pytest.raises(LimitExceeded, match=r"stopped at its bound|stopped after"):
        derive([parse(text) for text in (*edges, rule)])
    assert time.monotonic() - start < 4

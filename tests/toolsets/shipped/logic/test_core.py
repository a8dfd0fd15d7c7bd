"""Premises used: minimal by brute force over all worlds that a formula can tell apart."""

from __future__ import annotations

import random
from functools import reduce
from itertools import chain, combinations, product

import pytest

from toolsets.languages.formula.parser import parse
from toolsets.languages.formula.syntax import Atom, Binary, Formula, Function, Not, Quantified
from toolsets.shipped.logic.core import contradicting
from toolsets.shipped.logic.solver import entails

PREDICATES = ("P", "Q")
CONSTANTS = ("a", "b")
World = tuple[tuple[frozenset[str], ...], dict[str, int]]  # each thing's predicates; the constants

# Without =, things with the same predicates cannot be told apart: one of each kind is enough.
KINDS = [frozenset(), frozenset("P"), frozenset("Q"), frozenset("PQ")]
WORLDS: list[World] = [
    (things, dict(zip(CONSTANTS, named, strict=True)))
    for size in (1, 2, 3, 4)
    for things in combinations(KINDS, size)
    for named in product(range(size), repeat=2)
]


def true_in(formula: Formula, world: World, bound: dict[str, int]) -> bool:
    things, named = world
    match formula:
        case Atom(name=name, arguments=(term,)):
            place = named[term.name] if isinstance(term, Function) else bound[term.name]
            return name in things[place]
        case Not(operand=operand):
            return not true_in(operand, world, bound)
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            each = [true_in(body, world, {**bound, variable: n}) for n in range(len(things))]
            return all(each) if quantifier == "∀" else any(each)
        case Binary(connective=connective, left=left, right=right):
            one, other = true_in(left, world, bound), true_in(right, world, bound)
            return {"∧": one and other, "∨": one or other, "→": not one or other}.get(
                connective, (one == other) == (connective == "↔")
            )
    raise AssertionError(formula)


def worlds_of(formula: Formula) -> int:
    """The worlds in which a formula is true, as the bits of a number."""
    return sum(true_in(formula, world, {}) << n for n, world in enumerate(WORLDS))


def contradict(bits: list[int], places: tuple[int, ...], fixed: int) -> bool:
    return reduce(lambda one, other: one & other, (bits[n] for n in places), fixed) == 0


def random_formula(chance: random.Random) -> str:
    one, other = (f"{chance.choice(('', '~'))}{chance.choice(PREDICATES)}" for _ in range(2))
    sign = chance.choice(("&", "|", "->", "<->", "xor"))
    things = chance.choices(CONSTANTS, k=2)
    return chance.choice(
        [
            f"{one}({things[0]})",
            f"{one}({things[0]}) {sign} {other}({things[1]})",
            f"forall x ({one}(x) {sign} {other}(x))",
            f"exists x ({one}(x) {sign} {other}(x))",
            f"(forall x {one}(x)) {sign} {other}({things[0]})",
        ]
    )


@pytest.mark.parametrize("seed", range(80))
def test_no_premise_of_a_random_problem_can_be_left_out(seed: int) -> None:
    chance = random.Random(seed)
    while True:  # until something follows
        premises = [parse(random_formula(chance)) for _ in range(6)]
        conclusion = parse(random_formula(chance))
        bits, fixed = [worlds_of(p) for p in premises], worlds_of(Not(conclusion))
        if contradict(bits, tuple(range(6)), fixed):
            break
    assert entails(premises, conclusion).answer == "True"
    core = contradicting(premises, Not(conclusion), seconds=10)
    subsets = chain.from_iterable(combinations(range(6), size) for size in range(7))
    enough = [places for places in subsets if contradict(bits, places, fixed)]
    minimal = [one for one in enough if not any(set(two) < set(one) for two in enough)]
    assert core.places in minimal
    assert core.minimal
    assert core.only == (len(minimal) == 1)


def test_without_time_the_answer_is_that_it_may_not_be_minimal() -> None:
    premises = [parse("P(a)"), parse("Q(a)")]
    core = contradicting(premises, parse("~P(a)"), seconds=0)
    assert 0 in core.places
    assert (core.minimal, core.only) == (None, None)

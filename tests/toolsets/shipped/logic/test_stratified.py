"""Closed-world answers agree with a naive evaluator of ground rules."""

from __future__ import annotations

import random

import pytest

from tests.toolsets.shipped.logic.programs import all_atoms, random_program, true_atoms, write
from toolsets.languages.formula.parser import parse
from toolsets.shipped.logic.stratified import holds, perfect_model


@pytest.mark.parametrize("seed", range(300))
def test_the_model_of_a_random_program_is_that_of_a_naive_evaluator(seed: int) -> None:
    program = random_program(random.Random(seed))
    naming = parse("All(ann) & All(bob) & All(cid)")
    facts = perfect_model([*(parse(str(clause)) for clause in program), naming])
    derived = {(fact.name, fact.things) for fact in facts.listed() if fact.name != "All"}
    assert derived == true_atoms(program)


def test_each_atom_is_true_or_false_as_in_the_model() -> None:
    program = random_program(random.Random(7))
    premises = [parse(str(clause)) for clause in program]
    true = true_atoms(program)
    for atom in all_atoms():
        asked = parse(write(atom))
        assert holds(asked, perfect_model(premises, asked)) == (atom in true)


@pytest.mark.parametrize("seed", range(100))
def test_a_quantified_conclusion_ranges_over_the_named_things(seed: int) -> None:
    chance = random.Random(seed)
    program = random_program(chance)
    true = true_atoms(program)
    naming = parse("All(ann) & All(bob) & All(cid)")
    model = perfect_model([*(parse(str(clause)) for clause in program), naming])
    things = ("ann", "bob", "cid")
    for name, other in (("P", "Q"), ("Q", "S"), ("S", "P")):
        each = [((name, (t,)) in true, (other, (t,)) in true) for t in things]
        assert holds(parse(f"forall x ({name}(x) -> {other}(x))"), model) == all(
            b or not a for a, b in each
        )
        assert holds(parse(f"exists x ({name}(x) & ~{other}(x))"), model) == any(
            a and not b for a, b in each
        )

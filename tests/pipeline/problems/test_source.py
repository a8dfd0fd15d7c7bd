from __future__ import annotations

from pipeline.problems.decontamination import contaminated
from pipeline.problems.source import read_source
from pipeline.recipe.load import Recipe, load
from pipeline.run.rounds import source_of_round, without_heldout

COUNTS = ("problems.counts.train=40", "problems.counts.test=30", "problems.counts.ood=20")


def _recipe(*overrides: str) -> Recipe:
    return load("pocket", [*COUNTS, "train.heldout_problems=50", *overrides])


def test_no_problem_is_self_made_unless_asked_for() -> None:
    assert _recipe().problems.self_made.count == 0
    assert [p.split for p in read_source(_recipe()).problems].count("train") == 40


def test_the_generator_makes_fresh_training_problems_that_no_split_holds() -> None:
    plain = read_source(_recipe()).problems
    found = read_source(_recipe("problems.self_made.count=300")).problems
    assert found[: len(plain)] == plain
    made = found[len(plain) :]
    assert [problem.problem_id for problem in made] == [f"self-{i:06d}" for i in range(300)]
    assert {problem.split for problem in made} == {"train"}
    assert len({problem.question for problem in found}) == len(found)
    assert all(problem.reference for problem in made)


def test_self_made_problems_are_in_no_split_that_judges() -> None:
    """Not even in the problems that choose between rounds, nor do later rounds repeat them."""
    recipe = _recipe("problems.self_made.count=300", "train.rounds=3")
    source, heldout = without_heldout(recipe, read_source(recipe))
    assert recipe.problems.decontaminate_ngram is not None
    assert contaminated([*source.problems, *heldout], recipe.problems.decontaminate_ngram) == {}
    second = source_of_round(recipe, source, heldout, 2)
    fresh = {p.question for p in second.problems if p.split == "train"}
    others = {p.question for p in (*source.problems, *heldout)}
    assert len(fresh) == 340
    assert not fresh & others

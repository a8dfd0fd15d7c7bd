from __future__ import annotations

from pipeline.problems.decontamination import contaminated
from pipeline.problems.source import read_source
from pipeline.recipe.load import Recipe, load
from pipeline.run.rounds import source_of_round, without_heldout

COUNTS = ("problems.counts.train=40", "problems.counts.test=30", "problems.counts.ood=20")


def _recipe(*overrides: str) -> Recipe:
    return load("pocket", [*COUNTS, "train.heldout_problems=50", *overrides])


def test_there_are_no_synthetic_problems_by_default() -> None:
    assert _recipe().problems.self_made.count == 0
    assert [p.split for p in read_source(_recipe()).problems].count("train") == 40


def test_synthetic_problems_are_new_training_problems() -> None:
    without = read_source(_recipe()).problems
    problems = read_source(_recipe("problems.self_made.count=300")).problems
    assert problems[: len(without)] == without
    made = problems[len(without) :]
    assert [problem.problem_id for problem in made] == [f"self-{i:06d}" for i in range(300)]
    assert {problem.split for problem in made} == {"train"}
    assert len({problem.question for problem in problems}) == len(problems)
    assert all(problem.reference for problem in made)


def test_synthetic_problems_are_not_in_evaluation_splits_or_later_rounds() -> None:
    """The held-out problems that select the best round have none either."""
    recipe = _recipe("problems.self_made.count=300", "train.rounds=3")
    source, heldout = without_heldout(recipe, read_source(recipe))
    assert recipe.problems.decontaminate_ngram is not None
    assert contaminated([*source.problems, *heldout], recipe.problems.decontaminate_ngram) == {}
    second = source_of_round(recipe, source, heldout, 2)
    fresh = {p.question for p in second.problems if p.split == "train"}
    others = {p.question for p in (*source.problems, *heldout)}
    assert len(fresh) == 340
    assert not fresh & others

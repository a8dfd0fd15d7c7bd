"""The problems of a recipe: the pocket world's, or those of a file, without the training problems
that occur in an evaluation split."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from pipeline.problems.pocket.world import fresh_problems
from pipeline.problems.pocket.world import problems as pocket_problems
from pipeline.problems.reader import ProblemFile, decontaminated, read_problems
from pipeline.problems.synthetic import problem_id
from pipeline.recipe.load import Recipe
from pipeline.records import Problem

POCKET = "pocket"


def read_source(recipe: Recipe) -> ProblemFile:
    """All problems of a recipe, with the rows that could not be used."""
    return decontaminated(_read(recipe), recipe.problems.decontaminate_ngram)


def _read(recipe: Recipe) -> ProblemFile:
    wanted = recipe.problems
    if wanted.path == POCKET:
        counts = wanted.counts.model_dump()
        if wanted.limit is not None:
            counts = {split: min(count, wanted.limit) for split, count in counts.items()}
        made = [p for split, n in counts.items() for p in pocket_problems(n, recipe.seed, split)]
        return ProblemFile((*made, *_self_made(made, recipe)), (), POCKET)
    return read_problems(
        wanted.path,
        format=wanted.format,
        columns=wanted.columns,
        limit=wanted.limit,
        test_fraction=wanted.test_fraction,
    )


def _self_made(problems: Sequence[Problem], recipe: Recipe) -> list[Problem]:
    """Further training problems where there is a generator."""
    endless = fresh_problems(problems, recipe.seed)
    fresh = itertools.islice(endless, recipe.problems.self_made.count)
    return [replace(made, problem_id=problem_id(index)) for index, made in enumerate(fresh)]

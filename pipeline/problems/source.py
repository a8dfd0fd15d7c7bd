"""Load the problems of a recipe, from the pocket world or a file, and decontaminate them."""

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
    """All problems of a recipe, decontaminated, with the rejected rows."""
    return decontaminated(_read(recipe), recipe.problems.decontaminate_ngram)


def _read(recipe: Recipe) -> ProblemFile:
    settings = recipe.problems
    if settings.path == POCKET:
        counts = settings.counts.model_dump()
        if settings.limit is not None:
            counts = {split: min(count, settings.limit) for split, count in counts.items()}
        drawn = [p for split, n in counts.items() for p in pocket_problems(n, recipe.seed, split)]
        return ProblemFile((*drawn, *_synthetic_problems(drawn, recipe)), (), POCKET)
    return read_problems(
        settings.path,
        test_path=settings.test_path,
        format=settings.format,
        columns=settings.columns,
        group=settings.group,
        limit=settings.limit,
        test_fraction=settings.test_fraction,
    )


def _synthetic_problems(problems: Sequence[Problem], recipe: Recipe) -> list[Problem]:
    """Synthetic training problems of the pocket world come from its generator, not from a model."""
    endless = fresh_problems(problems, recipe.seed)
    fresh = itertools.islice(endless, recipe.problems.self_made.count)
    return [replace(problem, problem_id=problem_id(index)) for index, problem in enumerate(fresh)]

"""The problems of a recipe: the pocket world's, or those of a file, without the training problems
that occur in an evaluation split."""

from __future__ import annotations

from pipeline.pocket.world import problems as pocket_problems
from pipeline.problems import ProblemFile, decontaminated, read_problems
from pipeline.recipe import Recipe

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
        return ProblemFile(tuple(made), (), POCKET)
    return read_problems(
        wanted.path,
        format=wanted.format,
        columns=wanted.columns,
        limit=wanted.limit,
        test_fraction=wanted.test_fraction,
    )

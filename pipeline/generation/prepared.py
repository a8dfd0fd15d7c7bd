"""A prepared run: the recipe with its folders, problems, dialect and toolset loaded.

Not here: preparing it, and its rounds (`pipeline.run`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.agent.driver import Truncation
from pipeline.agent.prompt import Dialect
from pipeline.agent.verdict import Units, units_of
from pipeline.generation.actor import ENGINE, RolloutSettings
from pipeline.generation.endpoint import endpoint_of
from pipeline.generation.pool import no_progress_seconds
from pipeline.problems.reader import ProblemFile
from pipeline.recipe.load import Recipe
from pipeline.recipe.models import Model
from pipeline.records import Problem
from pipeline.run_dir import RunDir
from toolsets import Toolset


@dataclass(frozen=True, slots=True)
class Run:
    """A recipe, its run directory, problems, dialect and toolset."""

    recipe: Recipe
    dir: RunDir
    source: ProblemFile
    dialect: Dialect
    toolset: Toolset
    engine_class: str = ENGINE  # tests replace it with a scripted engine
    heldout: tuple[Problem, ...] = ()  # used to choose between rounds if there are several
    round: int = 1

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.source.problems

    @property
    def units(self) -> Units:
        """The rule for units in answers: that of the recipe, else by the golds."""
        golds = (problem.answer for problem in (*self.problems, *self.heldout))
        return self.recipe.problems.units or units_of(golds)


def rollout_settings(run: Run, model: Model, folder: str, out: Path) -> RolloutSettings:
    """Settings of the rollout actors that make chains of `model`."""
    recipe = run.recipe
    return RolloutSettings(
        model=folder,
        toolset=recipe.toolset,
        agent=recipe.agent,
        tool_parser=recipe.native_parser(model),
        structured=model.structured,
        stop=model.stop,
        retries=model.retries,
        temperature=model.temperature,
        tolerance=recipe.problems.tolerance,
        units=run.units,
        engine=tuple(model.engine.items()),
        section="student" if model is recipe.student else "teacher",
        kv_cache_gib=recipe.cluster.kv_cache_gib,
        function_workers=recipe.cluster.function_workers,
        chains_in_flight=recipe.cluster.chains_in_flight,
        out=str(out),
        engine_class=run.engine_class,
        endpoint=endpoint_of(model, recipe.cluster),
        max_errors_in_a_row=recipe.cluster.max_errors_in_a_row,
        outage_seconds=recipe.cluster.outage_seconds,
        token_seconds=recipe.cluster.token_seconds,
        no_progress_seconds=no_progress_seconds(recipe.cluster, recipe.agent, model),
        truncation=Truncation(model.top_p, model.top_k, model.min_p),
    )

"""An earlier run as a sample for an estimate: measurements, and differences from a recipe.

Not here: the estimate (`pipeline.run.estimate`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import CannotStart
from pipeline.generation.outcomes import written_tokens
from pipeline.generation.usage import usage
from pipeline.recipe.load import Recipe
from pipeline.run.estimate import Measured
from pipeline.run_dir import RunDir, differences

SHAPING = ("dialect", "temperature", "top_p", "top_k", "min_p", "engine")  # keys of a model
LISTED = 3  # differences listed in a note


@dataclass(frozen=True, slots=True)
class Sample:
    """An earlier run: its folder, its recipe from run.json, and measurements by model."""

    path: Path
    recipe: Mapping[str, Any]
    models: Mapping[str, Measured]

    def of(self, name: str, recipe: Recipe) -> Measured | None:
        """Measurements of teacher or student; None if `recipe` uses another model."""
        same = self.recipe[name]["model"] == getattr(recipe, name).model
        return self.models.get(name) if same else None

    def with_same_sampling(self, name: str, recipe: Recipe) -> Measured | None:
        """Like `of`, but None also if the `samples` settings differ."""
        wanted = getattr(recipe, name).samples.model_dump(mode="json")
        return self.of(name, recipe) if self.recipe[name]["samples"] == wanted else None


def read_sample(path: Path) -> Sample | None:
    """The sample in a run directory; None if it holds no chains."""
    run = RunDir(path)
    finished = run.is_done("generate")
    models = {
        name: Measured(chains, usage(run, name), finished)
        for name, chains in written_tokens(run.chains).items()
    }
    recipe = run.read().get("recipe")
    return Sample(path, recipe, models) if recipe and models else None


def required_sample(path: Path) -> Sample:
    """The sample in the folder of `--sample`; raises CannotStart if it holds none."""
    if not RunDir(path).run_json.is_file():
        raise CannotStart(f"--sample {path} is not a run directory: it has no run.json")
    if (sample := read_sample(path)) is None:
        raise CannotStart(f"--sample {path} holds no chains; run generate into it first")
    return sample


def shortcomings(sample: Sample, recipe: Recipe, names: Sequence[str]) -> list[str]:
    """Sentences on how a sample differs from `recipe`, whose chains the models `names` make."""
    notes = [_missing(sample, recipe, name) for name in names if not sample.of(name, recipe)]
    lines = differences(_shape(sample.recipe), _shape(recipe.model_dump(mode="json")))
    if lines:
        more = f" and {len(lines) - LISTED} more" if len(lines) > LISTED else ""
        notes.append(f"{sample.path} has another recipe: {'; '.join(lines[:LISTED])}{more}")
    most = recipe.cluster.chains_in_flight
    measured = {name: sample.of(name, recipe) for name in names}
    if few := [name for name, model in measured.items() if model and model.chains < most]:
        notes.append(
            f"{sample.path} has too few chains of {' and '.join(few)} to keep an engine full "
            f"(cluster.chains_in_flight is {most}); with more chains each takes fewer hours"
        )
    return notes


def _missing(sample: Sample, recipe: Recipe, name: str) -> str:
    measured, wanted = sample.recipe[name]["model"], getattr(recipe, name).model
    reason = f"{sample.path} has no chains of the {name}"
    if measured != wanted:
        reason = f"{name}.model is {measured} in {sample.path}, {wanted} here"
    return f"{reason}: it gives no estimate for the {name}"


def _shape(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that affect length and speed of chains, except the models' names."""
    models = {
        name: {key: recipe[name].get(key) for key in SHAPING} for name in ("teacher", "student")
    }
    problems = {"path": recipe["problems"]["path"]}
    return models | {"problems": problems} | {key: recipe[key] for key in ("toolset", "agent")}

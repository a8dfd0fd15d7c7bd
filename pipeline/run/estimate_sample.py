"""An earlier run as a sample: what it measured of each model, and whether a recipe is like it.

Not here: the estimate (`pipeline.run.estimate`), how it is measured (`pipeline.generation.usage`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import CannotStart
from pipeline.generation.outcomes import written
from pipeline.generation.usage import usage
from pipeline.recipe.load import Recipe
from pipeline.run.estimate import Measured
from pipeline.run_dir import RunDir, differences

NAMED = 3  # of the differences


@dataclass(frozen=True, slots=True)
class Sample:
    """An earlier run: its folder, its recipe as run.json has it, and what it measured."""

    path: Path
    recipe: Mapping[str, Any]
    models: Mapping[str, Measured]

    def of(self, name: str, recipe: Recipe) -> Measured | None:
        """What was measured of teacher or student, None where `recipe` has another one."""
        same = self.recipe[name]["model"] == getattr(recipe, name).model
        return self.models.get(name) if same else None

    def alike(self, name: str, recipe: Recipe) -> Measured | None:
        """The same, None also where `recipe` samples it otherwise."""
        wanted = getattr(recipe, name).samples.model_dump(mode="json")
        return self.of(name, recipe) if self.recipe[name]["samples"] == wanted else None


def read_sample(path: Path) -> Sample | None:
    """The sample in a run directory; None where no chains are there."""
    run = RunDir(path)
    finished = run.is_done("generate")
    models = {
        name: Measured(chains, usage(run, name), finished)
        for name, chains in written(run.chains).items()
    }
    recipe = run.read().get("recipe")
    return Sample(path, recipe, models) if recipe and models else None


def given(path: Path) -> Sample:
    """The sample that an operator names; raises CannotStart where there is none."""
    if not RunDir(path).run_json.is_file():
        raise CannotStart(f"--sample {path} is not a run directory: it has no run.json")
    if (sample := read_sample(path)) is None:
        raise CannotStart(f"--sample {path} holds no chains; run generate into it first")
    return sample


def remarks(sample: Sample, recipe: Recipe, names: Sequence[str]) -> list[str]:
    """How a sample falls short of `recipe`, whose chains the models `names` make: sentences."""
    said = [_missing(sample, recipe, name) for name in names if not sample.of(name, recipe)]
    there, here = _shape(sample.recipe), _shape(recipe.model_dump(mode="json"))
    if found := differences(there, here):
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        said.append(f"{sample.path} is of another recipe: {'; '.join(found[:NAMED])}{more}")
    most = recipe.cluster.chains_in_flight
    measured = {name: sample.of(name, recipe) for name in names}
    if few := [name for name, found in measured.items() if found and found.chains < most]:
        said.append(
            f"{sample.path} has too few chains of {' and '.join(few)} to keep an engine full "
            f"(cluster.chains_in_flight is {most}); more of them take fewer hours each"
        )
    return said


def _missing(sample: Sample, recipe: Recipe, name: str) -> str:
    there, here = sample.recipe[name]["model"], getattr(recipe, name).model
    why = f"{sample.path} has no chains of the {name}"
    if there != here:
        why = f"{name}.model is {there} in {sample.path}, {here} here"
    return f"{why}: no estimate of the {name} can be made from it"


def _shape(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What decides how long chains are and how fast they are made, beside the models' names."""
    models = {
        name: {key: recipe[name].get(key) for key in ("dialect", "temperature", "engine")}
        for name in ("teacher", "student")
    }
    problems = {"path": recipe["problems"]["path"]}
    return models | {"problems": problems} | {key: recipe[key] for key in ("toolset", "agent")}

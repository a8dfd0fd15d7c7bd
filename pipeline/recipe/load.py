"""Recipes: one YAML file says everything about a run.

    recipe = load("gsm8k", ["problems.limit=200"])

A wrong recipe raises RecipeError, one sentence with the field, the value received, what is allowed
and the nearest known key.

Not here: whether the machine can run it and whether its files exist (`pipeline.run.preflight`).
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import Field, ValidationError

from pipeline.recipe.cluster import Cluster, engine_parts
from pipeline.recipe.evaluation import Evaluate
from pipeline.recipe.models import AgentSettings, Model, Student, Teacher
from pipeline.recipe.pairs import Pairs
from pipeline.recipe.problems import Problems
from pipeline.recipe.section import Section
from pipeline.recipe.serving import Serving
from pipeline.recipe.training import Train
from pipeline.recipe.unused import without_effect
from pipeline.recipe.values import Unclear, load_yaml, read_value, type_at
from toolsets.errors import nearest

FOLDER = Path(__file__).parents[1] / "recipes"


class RecipeError(ValueError):
    """A recipe that cannot be used; the message is one sentence for the operator."""


class Recipe(Section):
    """Everything about a run."""

    name: str = Field(description="also the default run directory, runs/NAME")
    description: str = Field(default="", description="one line")
    seed: int = 0
    toolset: str = Field(default="arithmetic", description="see python -m toolsets list")
    problems: Problems = Problems()
    agent: AgentSettings = AgentSettings()
    teacher: Teacher = Teacher()
    student: Student = Student()
    pairs: Pairs = Pairs()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    cluster: Cluster = Cluster()
    serving: Serving = Serving()

    def native_parser(self, model: Model) -> str | None:
        """Name of vLLM's tool parser for teacher or student; None in dialect `inject`."""
        return (model.tool_parser or self.agent.tool_parser) if self.is_native(model) else None

    def is_native(self, model: Model) -> bool:
        """Whether teacher or student uses the dialect `native`."""
        return (model.dialect or self.agent.dialect) == "native"


def shipped() -> dict[str, Path]:
    """Paths of the recipes in this repository, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def load(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Load a recipe by name or path and apply dotted `key=value` overrides."""
    return changed(_read(name), overrides, name)


def changed(data: Mapping[str, Any], overrides: Iterable[str], where: str) -> Recipe:
    """Build a recipe from plain data and dotted `key=value` overrides; `where` names the source in
    messages."""
    data = dict(data)
    for override in overrides:
        _override(data, override)
    return validate(data, where)


def validate(data: Mapping[str, Any], where: str) -> Recipe:
    """Build a recipe from plain data; raises RecipeError naming the field."""
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError(f"recipe {where}: {_explain(error)}") from None
    _check_endpoint(recipe, where)
    if sentence := without_effect(recipe):
        raise RecipeError(f"recipe {where}: {sentence}")
    for role in ("teacher", "student"):
        _check_dialect(recipe, role, where)
        _check_structured(recipe, role, where)
        _check_spread(recipe, role, where)
    _check_replay(recipe, where)
    return recipe


def _check_endpoint(recipe: Recipe, where: str) -> None:
    if recipe.teacher.is_remote and recipe.is_native(recipe.teacher):
        key = "teacher.dialect" if recipe.teacher.dialect else "agent.dialect"
        raise RecipeError(
            f"recipe {where}: teacher.endpoint: an endpoint receives messages without a template, "
            f"so its dialect must be inject, got {key} native; set teacher.dialect=inject"
        )
    if recipe.teacher.is_remote and recipe.teacher.structured:
        raise RecipeError(
            f"recipe {where}: teacher.structured: an endpoint takes no grammar of calls; set "
            "teacher.structured=false"
        )
    if recipe.teacher.is_remote and recipe.teacher.stop:
        raise RecipeError(
            f"recipe {where}: teacher.stop: an endpoint cuts the stop text off the reply, so a "
            "call would lack its end; set teacher.stop=[]"
        )


def _check_dialect(recipe: Recipe, role: str, where: str) -> None:
    model: Model = getattr(recipe, role)
    if recipe.is_native(model) and recipe.native_parser(model) is None:
        raise RecipeError(
            f"recipe {where}: agent.tool_parser: dialect native of the {role} needs vLLM's parser "
            "of its calls, such as hermes, llama3_json, mistral or pythonic"
        )


def _check_spread(recipe: Recipe, role: str, where: str) -> None:
    model: Model = getattr(recipe, role)
    each = recipe.cluster.engine_gpus
    if engine_parts(model.engine) > 1 and each not in (None, 1):
        raise RecipeError(
            f"recipe {where}: cluster.engine_gpus: vLLM starts each rank through Ray on a whole "
            f"GPU ({role}.engine.distributed_executor_backend is ray), got {each:g}; set "
            "cluster.engine_gpus=1"
        )


def _check_structured(recipe: Recipe, role: str, where: str) -> None:
    model: Model = getattr(recipe, role)
    if model.structured and recipe.is_native(model):
        key = f"{role}.dialect" if model.dialect else "agent.dialect"
        raise RecipeError(
            f"recipe {where}: {role}.structured: structured decoding needs dialect inject, "
            f"got {key}=native; set {role}.structured=false or {role}.dialect=inject"
        )


def _check_replay(recipe: Recipe, where: str) -> None:
    teacher, student = (recipe.native_parser(model) for model in (recipe.teacher, recipe.student))
    if recipe.pairs.corrects and teacher != student:
        raise RecipeError(
            f"recipe {where}: pairs.strategies.corrected: the teacher continues the student's "
            f"replies, so both need the same dialect, got {teacher or 'inject'} for the teacher "
            f"and {student or 'inject'} for the student; set its weight to 0 or one agent.dialect"
        )


def _read(name: str) -> dict[str, Any]:
    known = shipped()
    path = known.get(name, Path(name))
    if not path.is_file():
        near = nearest(name, known)
        hint = f"; did you mean {near}?" if near else ""
        raise RecipeError(f"recipe {name!r} does not exist{hint} (shipped: {', '.join(known)})")
    try:
        data = load_yaml(path.read_text(), Recipe)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {path} is not valid YAML: {_one_line(str(error))}") from None
    except Unclear as unclear:
        raise RecipeError(f"recipe {path} {unclear}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"recipe {path} is not a mapping of keys to values")
    return {"name": path.stem} | data


def _override(data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"expected key=value, got {override!r}")
    *parents, last = key.split(".")
    for parent in parents:
        child = data.get(parent)
        # a copy, as a YAML alias may share this dict
        data[parent] = dict(child) if isinstance(child, dict) else {}
        data = data[parent]
    try:
        data[last] = read_value(text, type_at(Recipe, key))
    except yaml.YAMLError as error:
        raise RecipeError(f"{key}: {text!r} is not a value: {_one_line(str(error))}") from None
    except Unclear as unclear:
        raise RecipeError(f"{key}: {text!r} {unclear}") from None


def _explain(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    place = [part for part in problem["loc"] if isinstance(part, str)]
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(place)
        near = nearest(place[-1], known)
        hint = f"; did you mean {'.'.join([*place[:-1], near])}?" if near else ""
        return f"unknown key {key}{hint} (known here: {', '.join(known)})"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("value_error", "missing"):
        return f"{key}: {message[0].lower()}{message[1:]}"
    return f"{key}: {message[0].lower()}{message[1:]}, got {problem['input']!r}"


def _keys_beside(place: list[str]) -> list[str]:
    section: type[Section] = Recipe
    for part in place[:-1]:
        annotation = section.model_fields[part].annotation
        if get_origin(annotation) in (Union, types.UnionType):
            annotation = next(a for a in get_args(annotation) if a is not type(None))
        if not (isinstance(annotation, type) and issubclass(annotation, Section)):
            return []
        section = annotation
    return list(section.model_fields)


def _one_line(text: str) -> str:
    return " ".join(text.split())

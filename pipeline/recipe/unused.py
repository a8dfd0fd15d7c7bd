"""Settings without effect, so that nobody takes them for the cause of a result.

`without_effect` finds those that contradict the rest of the recipe; they are refused. `turned_off`
lists those of a part that a switch turns off, such as `problems.self_made.count=0`; a run says so
and starts. A setting counts as given if it differs from its default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.recipe.section import Section

if TYPE_CHECKING:
    from pipeline.recipe.load import Recipe

POCKET = "pocket"
OF_FILES = ("format", "columns", "test_fraction")
OF_WRITERS = ("by", "temperature", "examples", "reply_tokens", "votes")
OF_ENDPOINTS = ("requests_per_minute", "request_seconds")
TRUNCATION = ("top_p", "top_k", "min_p")
OF_PREFERENCES = ("loss", "beta", "dpop_lambda", "nll_weight", "learning_rate", "epochs")


def without_effect(recipe: Recipe) -> str | None:
    """One sentence about the first setting that cannot have an effect, or None."""
    for rules in (_problems, _models, _train):
        for key, reason in rules(recipe):
            return f"{key} has no effect {reason}"
    return None


def turned_off(recipe: Recipe) -> list[str]:
    """One sentence about each given setting of a part that is turned off."""
    return [f"{key} has no effect {reason}" for key, reason in _turned_off(recipe)]


def _turned_off(recipe: Recipe) -> Iterator[tuple[str, str]]:
    problems, train = recipe.problems, recipe.train
    if problems.path == POCKET:
        for name in _given(problems, OF_FILES):
            yield f"problems.{name}", f"with problems.path={POCKET}"
    elif not problems.self_made.count:
        for name in _given(problems.self_made, OF_WRITERS):
            yield f"problems.self_made.{name}", "with problems.self_made.count=0"
    if train.rounds == 1 and _given(train, ("round_models",)):
        yield "train.round_models", "with train.rounds=1"
    stages = {"sft": ("train.sft.", train.sft, tuple(type(train.sft).model_fields))}
    stages |= {"dpo": ("train.", train, OF_PREFERENCES)}
    for stage, (prefix, section, names) in stages.items():
        if stage not in train.stages:
            for name in _given(section, names):
                yield f"{prefix}{name}", f"without {stage} in train.stages"
    for role in ("teacher", "student"):
        model = getattr(recipe, role)
        if model.tool_parser and not recipe.is_native(model):
            yield f"{role}.tool_parser", "in dialect inject"
        samples = model.samples
        if samples.until is not None and samples.min == samples.max:
            yield f"{role}.samples.until", "where samples.min is samples.max"


def _problems(recipe: Recipe) -> Iterator[tuple[str, str]]:
    problems = recipe.problems
    if problems.path != POCKET:
        for name in _given(problems, ("counts",)):
            reason = (
                f"on {problems.path}, as it is for {POCKET}; leave it out, or set problems.limit"
            )
            yield f"problems.{name}", reason
        return
    for name in _given(problems.self_made, OF_WRITERS):
        reason = "on the pocket world, whose generator makes the synthetic problems; leave it out"
        yield f"problems.self_made.{name}", reason


def _models(recipe: Recipe) -> Iterator[tuple[str, str]]:
    if not recipe.teacher.is_remote:
        for name in _given(recipe.teacher, OF_ENDPOINTS):
            yield f"teacher.{name}", "without teacher.endpoint; set that, or leave it out"
    else:
        for name in _given(recipe.teacher, TRUNCATION[1:]):
            yield f"teacher.{name}", "at an endpoint, which takes top_p only; leave it out"
    for role in ("teacher", "student"):
        model, written = getattr(recipe, role), recipe.problems.self_made
        samples = model.samples
        if samples.until is None and samples.min != samples.max:
            reason = f"without until: every problem gets max ({samples.max}) chains"
            yield f"{role}.samples.min", f"{reason}; leave it out, or set until"
        writes = bool(written.count and written.by == role and recipe.problems.path != POCKET)
        if model.temperature or recipe.evaluate.temperature or writes:
            continue
        for name in _given(model, TRUNCATION):
            yield f"{role}.{name}", "at temperature 0, which is greedy; leave it out"


def _train(recipe: Recipe) -> Iterator[tuple[str, str]]:
    train = recipe.train
    if train.loss != "dpop":
        for name in _given(train, ("dpop_lambda",)):
            reason = f"with train.loss={train.loss}; leave it out, or set train.loss=dpop"
            yield f"train.{name}", reason
    if "dpo" not in train.stages:
        for name in _given(train, ("heldout_pairs",)):
            reason = "without the stage dpo, which alone measures held-out pairs; leave it out"
            yield f"train.{name}", reason


def _given(section: Section, names: tuple[str, ...]) -> list[str]:
    fields = type(section).model_fields
    return [
        name
        for name in names
        if getattr(section, name) != fields[name].get_default(call_default_factory=True)
    ]

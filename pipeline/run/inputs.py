"""What each stage read, as digests by name, and what follows if they differ.

A stage's inputs are recorded in run.json when it starts. If they differ when it runs again, its
results belong to something else:

    from outside the run     problems, functions, prompts, models, settings: refused, with the
                             command that goes on
    made by the run itself   chains, pairs, the trained student: the stage is done again, and what
                             it made before moves to replaced/
    golds, rules of verdicts refused, naming `judge`, which gives stored chains new verdicts

So a result in the run directory always belongs to the inputs that stand there.

Not here: the order of the stages (`pipeline.run.schedule`).
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline import tables
from pipeline.agent.prompt import Dialect
from pipeline.agent.verdict import RULES
from pipeline.engine import model_paths
from pipeline.engine.model_dialects import dialect_in
from pipeline.errors import CannotStart
from pipeline.evaluation.stage import evaluation_problems
from pipeline.generation.prepared import Run
from pipeline.generation.stage import generating_models
from pipeline.hashing import FileDigests, digest_of, digest_of_all
from pipeline.recipe.section import Section
from pipeline.records import Problem
from toolsets import Toolset

Inputs = Mapping[str, str]

WORDS = {
    "problems": "the problems",
    "golds": "the gold answers",
    "verdicts": "the rules of verdicts",
    "functions": "the functions of the toolset",
    "settings": "the settings of the recipe",
    "teacher": "the teacher's model",
    "teacher prompt": "the teacher's prompt",
    "student": "the student's model",
    "student prompt": "the student's prompt",
    "chains": "the chains",
    "earlier rounds": "the correct chains of earlier rounds",
    "pairs": "the pairs",
    "model": "the model's weights",
}
JUDGED = {"golds", "verdicts"}
MADE_BY_THE_RUN = {"chains", "earlier rounds", "pairs", "model"}
NO_MODEL_FILES = (".md", ".log")
# keys of a model's section that do not change what it writes: where it is, and how it is reached
WHERE = ("model", "endpoint", "requests_per_minute", "request_seconds", "retries")


TRUNCATION = ("top_p", "top_k", "min_p")  # without effect at temperature 0


class StageInputs:
    """The inputs of each stage of one round of a run, as they are now."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._recipe = run.recipe
        self._files = FileDigests(run.dir.run.path / ".digests.json")

    def generate(self) -> Inputs:
        """Inputs of the stage `generate`."""
        recipe, names = self._recipe, {*generating_models(self._recipe, self._run.round)}
        if recipe.pairs.corrects:
            names.add("teacher")
        if recipe.problems.self_made.count:
            names.add(recipe.problems.self_made.by)
        train = [p for p in self._run.problems if p.split == "train"]
        settings = {
            "agent": _without(recipe.agent, ()),
            "seed": recipe.seed,
            "self_made": _without(recipe.problems.self_made, ()),
            "corrects": recipe.pairs.corrects,
            **{name: _without(getattr(recipe, name), WHERE) for name in sorted(names)},
        }
        return self._judged(train) | self._solving(names) | {"settings": digest_of(settings)}

    def pairs(self) -> Inputs:
        """Inputs of the stage `pairs`."""
        recipe, run = self._recipe, self._run
        settings = {
            "pairs": _without(recipe.pairs, ()),
            "per_problem": recipe.train.sft.per_problem,
            "seed": recipe.seed,
        }
        found = {
            "chains": self._files.of(tables.files(run.dir.chains)),
            "functions": functions_digest(run.toolset),
            "student prompt": _prompt_digest(run.dialect),
            "settings": digest_of(settings),
        }
        if run.round > 1 and recipe.train.sft.earlier_rounds:
            before = run.dir.run.of_round(run.round - 1).pairs / "supervised"
            found["earlier rounds"] = self._files.of(tables.files(before))
        return found

    def train(self) -> Inputs:
        """Inputs of the stage `train`."""
        recipe, pairs = self._recipe, self._run.dir.pairs
        rows = [*tables.files(pairs), *tables.files(pairs / "supervised")]
        settings = {"train": _without(recipe.train, ()), "seed": recipe.seed}
        return {
            "pairs": self._files.of(rows),
            "student": self.model(model_paths.resolve(recipe.student.model, "student")),
            "settings": digest_of(settings, self._run.dialect.tools),
        }

    def evaluate(self, name: str, folder: str) -> Inputs:
        """Inputs of the evaluation of the model `name` in `folder`."""
        recipe = self._recipe
        role = "teacher" if name == "teacher" else "student"
        unused = ("samples", "temperature", *(() if recipe.evaluate.temperature else TRUNCATION))
        settings = {
            "agent": _without(recipe.agent, ()),
            "seed": recipe.seed,
            "evaluate": _without(recipe.evaluate, ("models",)),
            role: _without(getattr(recipe, role), (*WHERE, *unused)),
        }
        found = self._judged(evaluation_problems(self._run.problems, recipe))
        found |= {
            "functions": functions_digest(self._run.toolset),
            f"{role} prompt": self._prompt(role),
            "settings": digest_of(settings),
        }
        made = name not in ("teacher", "student_before")
        return found | {"model" if made else role: self.model(folder)}

    def model(self, name: str) -> str:
        """The digest of a model folder; of a hub name, the revision that is used."""
        folder = Path(name)
        if not folder.is_dir():
            return f"{name}@{model_paths.revision(name)}"
        files = (file for file in folder.iterdir() if file.is_file())
        return self._files.of(
            f for f in files if f.suffix not in NO_MODEL_FILES and not f.name.startswith(".")
        )

    def _solving(self, names: Iterable[str]) -> dict[str, str]:
        found = {"functions": functions_digest(self._run.toolset)}
        for name in sorted(names):
            folder = model_paths.locate(getattr(self._recipe, name), name)
            found |= {name: self.model(folder), f"{name} prompt": self._prompt(name)}
        return found

    def _judged(self, problems: Sequence[Problem]) -> dict[str, str]:
        settings = self._recipe.problems
        return {
            "problems": digest_of_all(
                [p.problem_id, p.task, p.split, p.question, p.reference] for p in problems
            ),
            "golds": digest_of_all(p.answer for p in problems),
            "verdicts": digest_of(RULES, settings.tolerance, settings.units),
        }

    def _prompt(self, role: str) -> str:
        if role == "student":
            return _prompt_digest(self._run.dialect)
        return _prompt_digest(self._teacher)

    @cached_property
    def _teacher(self) -> Dialect:
        return dialect_in(self._recipe, "teacher")


def changed(before: Inputs, now: Inputs) -> list[str]:
    """The names of the inputs that differ."""
    return [name for name in WORDS if before.get(name) != now.get(name)]


def refuse_changed(stage: str, names: Sequence[str], run_dir: Path) -> None:
    """Raise CannotStart if one of the changed inputs comes from outside the run."""
    outside = [name for name in names if name not in MADE_BY_THE_RUN]
    if not outside:
        return
    what = f"{in_words(outside)} changed since {stage} was run in {run_dir}"
    if JUDGED.issuperset(outside):
        raise CannotStart(f"{what}; python -m pipeline judge {run_dir} judges its chains again")
    raise CannotStart(f"{what}; add --redo {stage} to do it again, or choose another --run-dir")


def refuse_judging(stage: str, names: Sequence[str], run_dir: Path) -> None:
    """Raise CannotStart if more changed than what new verdicts can follow."""
    if others := [name for name in names if name not in JUDGED | MADE_BY_THE_RUN]:
        raise CannotStart(
            f"{in_words(others)} changed since {stage} was run in {run_dir}, so its chains cannot "
            f"be judged by them; run it with --redo {stage}, or use another --run-dir"
        )


def in_words(names: Sequence[str]) -> str:
    """The names of inputs in a sentence."""
    *others, last = [WORDS[name] for name in names]
    return f"{', '.join(others)} and {last}" if others else last


def functions_digest(toolset: Toolset) -> str:
    """The digest of a toolset: what a prompt shows of each function, and the code of its module
    without comments and layout."""
    modules = {module for tool in toolset.tools if (module := inspect.getmodule(tool.function))}
    code = {module.__name__: _code(module) for module in modules}
    return digest_of([tool.schema() for tool in toolset.tools], toolset.help, code)


def _code(module: Any) -> str:
    try:
        return ast.dump(ast.parse(inspect.getsource(module)))
    except (OSError, TypeError, SyntaxError):  # not from a file
        return ""


def _prompt_digest(dialect: Dialect) -> str:
    return digest_of(dialect.prompt_messages(""), dialect.tools, dialect.grammar)


def _without(section: Section, keys: Iterable[str]) -> dict[str, Any]:
    """The settings of a section that are not the default, so that a setting which is new in a later
    version changes no digest."""
    return section.model_dump(mode="json", exclude=set(keys), exclude_defaults=True)

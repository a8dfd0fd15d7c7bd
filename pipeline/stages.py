"""The stages of a run, in order, each resumable: generate, pairs, train, evaluate, report.

Not here: the command line (`pipeline.__main__`), what a stage does (its own module).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import toolsets
from pipeline import models, tables
from pipeline.actors import ENGINE, RolloutSettings
from pipeline.dialects import dialect_in
from pipeline.errors import CannotStart
from pipeline.evaluate import evaluate
from pipeline.pairs import pairs
from pipeline.problems import ProblemFile
from pipeline.prompt import Dialect
from pipeline.recipe import Recipe
from pipeline.records import Problem, Task
from pipeline.rollouts import drop_engine_errors, roll_out, settle
from pipeline.rundir import RunDir
from pipeline.sections import Model
from pipeline.sources import read_source
from pipeline.tasks import by_problem, next_tasks
from pipeline.train import check_packages, stage_model, train


@dataclass(frozen=True, slots=True)
class Run:
    """A recipe, where its files go, its problems, and its dialect."""

    recipe: Recipe
    dir: RunDir
    source: ProblemFile
    dialect: Dialect
    toolset: toolsets.Toolset
    engine_class: str = ENGINE  # what replies; tests put a script in its place

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.source.problems


def prepare(recipe: Recipe, run_dir: RunDir) -> Run:
    """Read what every stage needs; raises ValueError, one sentence, for what is wrong with it."""
    toolset = toolsets.load(recipe.toolset)
    dialect_in(recipe, "teacher")  # says what is wrong with it before anything is made
    check_packages(recipe.train)
    return Run(recipe, run_dir, read_source(recipe), dialect_in(recipe, "student"), toolset)


def generate_stage(run: Run, redo_errors: bool = False) -> None:
    """Chains of the teacher, and of the student where its wrong chains are wanted."""
    training = [p for p in run.problems if p.split == "train"]
    if not training:
        raise CannotStart(f"{run.recipe.problems.path} holds no problem of split train")
    if redo_errors:
        drop_engine_errors(run.dir.chains)
    with run.dir.stage("generate") as facts:
        everything: list[Task] = []
        for name in generators(run.recipe):
            everything += _generate(run, name, training)
        settle(run.dir.chains, everything)
        facts |= {"rows_in": len(training)} | _outcomes(run.dir.chains)
        facts["rejected"] = len(run.source.rejects)


def generators(recipe: Recipe) -> list[str]:
    """Which models make training chains."""
    return ["teacher", *(["student"] if "student" in recipe.pairs.rejected_from else [])]


def _generate(run: Run, name: str, training: Sequence[Problem]) -> list[Task]:
    model: Model = getattr(run.recipe, name)
    settings = rollout_settings(run, model, models.resolve(model.model, name), run.dir.chains)
    planned = _planned(run.dir.tasks, name)
    for wave in range(model.samples.max + 1):
        roll_out(f"generate ({name})", planned, settings, run.recipe.cluster)
        verdicts = _verdicts(run.dir.chains, name) if planned else {}
        fresh = next_tasks(training, name, model.samples, run.recipe.seed, verdicts)
        if not fresh:
            break
        path = run.dir.tasks / f"{name}-{wave:03d}-{len(planned):09d}.parquet"
        tables.write(path, [tables.task_row(task) for task in fresh], tables.TASKS)
        planned += fresh
    return planned


def pairs_stage(run: Run) -> None:
    """Preference pairs and right chains."""
    with run.dir.stage("pairs") as facts:
        facts |= pairs(run.recipe, run.dir, run.dialect, run.toolset)


def train_stage(run: Run) -> None:
    """The student."""
    if not tables.files(run.dir.pairs):
        raise CannotStart(f"{run.dir.pairs} holds no pairs; run pairs first")
    student = models.resolve(run.recipe.student.model, "student")
    with run.dir.stage("train") as facts:
        facts |= train(run.recipe, run.dir.path, student, run.dialect.tools)


def evaluate_stage(run: Run) -> None:
    """Student before and after, and teacher, on the unseen splits."""
    folders = {}
    for name in evaluated_models(run.recipe):
        if name == "student_after" and not run.dir.student.is_dir():
            raise CannotStart(f"{run.dir.student} does not exist; run train first")
        folders[name] = _model_folder(run, name)
    settings = rollout_settings(run, run.recipe.student, "", run.dir.evaluation)
    with run.dir.stage("evaluate") as facts:
        facts |= evaluate(run.recipe, run.dir, run.problems, folders, settings)


def evaluated_models(recipe: Recipe) -> list[str]:
    """The models that are evaluated; `student_sft` only where preferences follow supervision."""
    both = recipe.train.stages == ["sft", "dpo"]
    return [name for name in recipe.evaluate.models if name != "student_sft" or both]


STAGES: dict[str, Callable[[Run], None]] = {
    "generate": generate_stage,
    "pairs": pairs_stage,
    "train": train_stage,
    "evaluate": evaluate_stage,
}
NEEDS_RAY = ("generate", "train", "evaluate")


def rollout_settings(run: Run, model: Model, folder: str, out: Path) -> RolloutSettings:
    """What a rollout actor needs to make chains of `model`."""
    recipe = run.recipe
    return RolloutSettings(
        model=folder,
        toolset=recipe.toolset,
        think=recipe.agent.think,
        tool_role=recipe.agent.tool_role,
        tool_parser=recipe.native_parser(model),
        max_steps=recipe.agent.max_steps,
        reply_tokens=recipe.agent.reply_tokens,
        retries=model.retries,
        temperature=model.temperature,
        tolerance=recipe.problems.tolerance,
        engine=tuple(model.engine.items()),
        kv_cache_gib=recipe.cluster.kv_cache_gib,
        function_workers=recipe.cluster.function_workers,
        out=str(out),
        engine_class=run.engine_class,
    )


def _model_folder(run: Run, name: str) -> str:
    match name:
        case "teacher":
            return models.resolve(run.recipe.teacher.model, "teacher")
        case "student_before":
            return models.resolve(run.recipe.student.model, "student")
        case "student_sft":
            return str(stage_model(run.dir.path, "sft").resolve())
    return str(run.dir.student.resolve())


def _planned(folder: Path, name: str) -> list[Task]:
    rows = (row for row in tables.rows(folder) if row["model"] == name)
    return [tables.task_of(row) for row in rows]


def _verdicts(folder: Path, name: str) -> dict[str, list[bool | None]]:
    rows = tables.rows(folder, ["task_id", "problem", "model", "correct"])
    once = {row["task_id"]: row for row in rows if row["model"] == name}
    return by_problem(
        {"problem_id": row["problem"]["problem_id"], "correct": row["correct"]}
        for row in once.values()
    )


def _outcomes(folder: Path) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    for path in tables.files(folder):
        for row in pq.read_table(path, columns=["model", "correct", "failure"]).to_pylist():
            counts[row["model"]] += 1
            counts[f"{row['model']} right"] += row["correct"] is True
            failures[row["failure"]] += row["failure"] is not None
    total = sum(n for name, n in counts.items() if not name.endswith(" right"))
    return {"rows_out": total, "chains": dict(counts), "failures": dict(+failures)}

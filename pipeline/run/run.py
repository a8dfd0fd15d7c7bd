"""Prepares a run, and runs its stages: generate, pairs, train, evaluate. Each is resumable.

Not here: what a stage does (`stage.py` in its room), their order (`pipeline.run.schedule`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import toolsets
from pipeline import tables
from pipeline.engine import model_paths
from pipeline.engine.model_dialects import dialect_in
from pipeline.errors import CannotStart, StageFailed
from pipeline.evaluation.stage import evaluate
from pipeline.generation.actor import RolloutSettings
from pipeline.generation.prepared import Run, rollout_settings
from pipeline.generation.ray_job import drop_engine_errors
from pipeline.generation.stage import generate_stage, generating_models
from pipeline.generation.synthetic_stage import check_problems
from pipeline.pairs.stage import pairs
from pipeline.problems.source import POCKET, read_source
from pipeline.recipe.load import Recipe
from pipeline.run import rounds
from pipeline.run.evaluated import evaluated_folders, evaluated_models
from pipeline.run.renewal import begin_evaluate, begin_train
from pipeline.run.round_selection import (
    end_rounds,
    finished_rounds,
    judge_round,
    student_name,
    student_of,
)
from pipeline.run_dir import RunDir
from pipeline.training.stage import check_packages, train


def prepare(recipe: Recipe, run_dir: RunDir) -> Run:
    """Load everything that the stages need; raises ValueError, one sentence, for invalid input."""
    toolset = toolsets.load(recipe.toolset)
    dialect_in(recipe, "teacher")  # raises for an invalid one before anything is written
    check_packages(recipe.train)
    _check_rounds(recipe)
    source, heldout = read_source(recipe), ()
    if recipe.problems.self_made.count and source.format != POCKET:
        check_problems(recipe, source.problems, toolset)
    if recipe.train.rounds > 1:
        source, heldout = rounds.without_heldout(recipe, source)
    dialect = dialect_in(recipe, "student")
    return Run(recipe, run_dir, source, dialect, toolset, heldout=heldout)


def _check_rounds(recipe: Recipe) -> None:
    models, rejected = generating_models(recipe, 2), recipe.pairs.rejected_from
    if recipe.train.rounds > 1 and not set(models) & set(rejected):
        raise CannotStart(
            f"train.round_models ({', '.join(models)}) has none of pairs.rejected_from "
            f"({', '.join(rejected)}): rounds after the first would have no chain to reject"
        )


def in_round(run: Run, number: int) -> Run:
    """The run for round `number`: the round's folders and problems, and the previous round's
    student."""
    if number == 1:
        return run
    before = student_of(run.dir, number - 1, run.recipe.train.stages[-1])
    student = run.recipe.student.model_copy(update={"model": str(before.resolve())})
    return replace(
        run,
        recipe=run.recipe.model_copy(update={"student": student}),
        dir=run.dir.of_round(number),
        source=rounds.source_of_round(run.recipe, run.source, run.heldout, number),
        round=number,
    )


def pairs_stage(run: Run) -> None:
    """Run the stage `pairs`. After round 1, a round without pairs does not fail: rounds end."""
    try:
        with run.dir.stage("pairs") as facts:
            facts |= pairs(run.recipe, run.dir, run.dialect, run.toolset, _earlier_rows(run))
    except StageFailed as error:
        if run.round == 1:
            raise
        end_rounds(run.dir.run, f"in round {run.round} {error}")


def _earlier_rows(run: Run) -> Iterable[dict[str, Any]]:
    """Rows of the previous round's SFT stage, which include those of all rounds before it."""
    if run.round == 1 or not run.recipe.train.sft.earlier_rounds:
        return ()
    return tables.rows(run.dir.run.of_round(run.round - 1).pairs / "supervised")


def train_stage(run: Run) -> None:
    """Run the stage `train`; with several rounds, measure its student on held-out problems."""
    if not tables.files(run.dir.pairs):
        raise CannotStart(f"{run.dir.pairs} holds no pairs; run pairs first")
    student = model_paths.resolve(run.recipe.student.model, "student")
    begin_train(run)
    with run.dir.stage("train") as facts:
        facts |= train(run.recipe, run.dir.path, student, run.dialect.tools)
    if run.recipe.train.rounds > 1 and finished_rounds(run.dir.run) < run.round:
        _measure_student(run, student)


def _measure_student(run: Run, before: str) -> None:
    last = run.recipe.train.stages[-1]
    folders = {student_name(0): before} if run.round == 1 else {}
    folders[student_name(run.round)] = str(student_of(run.dir.run, run.round, last).resolve())
    _judge_round(run, folders)


def _judge_round(run: Run, folders: Mapping[str, str]) -> None:
    whole = run.dir.run
    settings = rollout_settings(run, run.recipe.student, "", whole.heldout)
    with run.dir.stage("heldout") as facts:
        first = folders.get(student_name(0)) or _student_before(run)
        results = judge_round(run.recipe, whole, run.round, run.heldout, folders, settings, first)
        facts |= {"rows_in": len(run.heldout), "models": list(folders)}
    whole.note_rounds(**results)  # last: a round recorded here is not measured again


def _student_before(run: Run) -> str:
    """The model folder of the student before round 1; later rounds have another in their recipe."""
    return model_paths.resolve(run.dir.read()["recipe"]["student"]["model"], "student")


def redo_heldout(run: Run) -> None:
    """Make the held-out chains that ended in an engine error again, and compare the rounds that
    were measured by them."""
    drop_engine_errors(run.dir.heldout)
    if number := finished_rounds(run.dir):
        last = run.recipe.train.stages[-1]
        folders = {student_name(0): model_paths.resolve(run.recipe.student.model, "student")}
        for each in range(1, number + 1):
            folders[student_name(each)] = str(student_of(run.dir, each, last).resolve())
        _judge_round(in_round(run, number), folders)


def evaluate_stage(run: Run, redo_errors: bool = False) -> None:
    """Run the stage `evaluate`; with several rounds, for the student of each round as well."""
    names, rounds_limit = evaluated_models(run.recipe), run.recipe.train.rounds
    if "student_after" in names and not run.dir.student.is_dir():
        raise CannotStart(f"{run.dir.student} does not exist; run train first")
    if rounds_limit > 1 and run.dir.rounds.get("stopped") is None:
        raise CannotStart(
            f"{run.dir.path} is in round {finished_rounds(run.dir) + 1} of at most {rounds_limit}, "
            "whose student was not measured yet; run train first"
        )
    folders, same = evaluated_folders(run)
    models = {name: _evaluated(run, name, folder) for name, folder in folders.items()}
    begin_evaluate(run)
    with run.dir.stage("evaluate") as facts:
        facts |= evaluate(run.recipe, run.dir, run.problems, models, same, redo_errors)


def _evaluated(run: Run, name: str, folder: str) -> RolloutSettings:
    model = run.recipe.teacher if name == "teacher" else run.recipe.student
    settings = rollout_settings(run, model, folder, run.dir.evaluation)
    return replace(settings, temperature=run.recipe.evaluate.temperature)


STAGES: dict[str, Callable[[Run], None]] = {
    "generate": generate_stage,
    "pairs": pairs_stage,
    "train": train_stage,
    "evaluate": evaluate_stage,
}
NEEDS_RAY = ("generate", "train", "evaluate")

"""Measures the student of each round on held-out problems; copies the best one to `student/`.

rounds/heldout/*.parquet holds one row per problem and student; run.json holds the results under
`rounds`.

Not here: the rule that ends rounds (`pipeline.run.rounds`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import tables
from pipeline.generation.actor import RolloutSettings
from pipeline.generation.blocks import write_plan
from pipeline.generation.ray_job import check_complete, roll_out
from pipeline.generation.tasks import task
from pipeline.recipe.load import Recipe
from pipeline.records import Problem
from pipeline.run.rounds import Solved, describe, outcome, student_text
from pipeline.run_dir import RunDir
from pipeline.training.stage import publish, stage_model

BEFORE = "student_before"


def student_name(number: int) -> str:
    """The name of a round's student in evaluation; round 0 is the student before training."""
    return f"student_round_{number}" if number else BEFORE


def finished_rounds(run: RunDir) -> int:
    """Number of rounds whose student was measured."""
    return max(0, len(run.rounds.get("students", ())) - 1)


def student_of(run: RunDir, number: int, stage: str) -> Path:
    """The model folder of a round's training stage."""
    return stage_model(run.of_round(number).path, stage)


def judge_round(
    recipe: Recipe,
    run: RunDir,
    number: int,
    problems: Sequence[Problem],
    folders: Mapping[str, str],
    settings: RolloutSettings,
    before: str | None = None,
) -> dict[str, Any]:
    """Measure the students in `folders` (by name) on the held-out problems, and copy the best
    student to the run's `student/`; returns the facts for `rounds` in run.json.

    `before` is the model folder of the student before training, by default that in `folders`.
    """
    solved = _solved(recipe, run, number, problems, folders, settings)
    result = outcome(solved, recipe.train.rounds)
    first = before or folders.get(BEFORE, "")
    best = student_of(run, result.best, recipe.train.stages[-1]) if result.best else Path(first)
    _publish_best(run, result.best, best)
    print(describe(result), file=sys.stderr)
    return {
        "heldout": len(problems),
        "students": list(result.students),
        "best": result.best,
        "stopped": result.stopped,
    }


def end_rounds(run: RunDir, reason: str) -> None:
    """Record that the rounds ended early."""
    best = student_text(run.rounds["best"])
    print(f"rounds end: {reason}; student/ is {best}", file=sys.stderr)
    run.note_rounds(stopped=reason)


def _solved(
    recipe: Recipe,
    run: RunDir,
    number: int,
    problems: Sequence[Problem],
    folders: Mapping[str, str],
    settings: RolloutSettings,
) -> list[Solved]:
    for name, folder in folders.items():
        tasks = [task(problem, name, 0, recipe.seed) for problem in problems]
        planned = write_plan(run.tasks / "heldout", name, tasks, recipe.cluster.batch_tasks)
        greedy = replace(settings, model=folder, temperature=0.0, out=str(run.heldout))
        label = f"held out ({name.removeprefix('student_')})"
        roll_out(label, run, planned, greedy, recipe.cluster)
        check_complete(run.heldout, planned, recipe.cluster.max_error_share)
    names = [student_name(index) for index in range(number + 1)]
    solved: dict[str, dict[str, bool]] = {name: {} for name in names}
    for row in tables.rows(run.heldout, ["problem", "model", "correct"]):
        if row["correct"] is not None:
            solved[row["model"]][row["problem"]["problem_id"]] = row["correct"]
    return list(solved.values())


def _publish_best(run: RunDir, number: int, model: Path) -> None:
    """Copy the student of round `number` to `student/`, unless that copy is complete."""
    if run.rounds.get("student", 1) == number and run.student.is_dir():
        return
    run.note_rounds(student=None)
    publish(model, run.student)
    run.note_rounds(student=number)

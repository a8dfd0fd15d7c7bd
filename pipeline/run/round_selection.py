"""The student of each round on held-out problems: whether the rounds go on, and which one stays.

What they solved lies in rounds/heldout/*.parquet, one row per problem and student; what it came to
stands in run.json under `rounds`. `student/` holds the best round's student at any time.

Not here: the rule (`pipeline.run.rounds`), the evaluation that a run is judged by
(`pipeline.evaluation.stage`).
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
from pipeline.run.rounds import Solved, outcome, told
from pipeline.run_dir import RunDir
from pipeline.training.stage import publish, stage_model

BEFORE = "student_before"


def student_name(number: int) -> str:
    """What evaluation calls the student of a round; 0 is the one before the first."""
    return f"student_round_{number}" if number else BEFORE


def judged(run: RunDir) -> int:
    """How many rounds have come to their end."""
    return max(0, len(run.rounds.get("students", ())) - 1)


def student_of(run: RunDir, number: int, stage: str) -> Path:
    """The model of a round's training stage."""
    return stage_model(run.of_round(number).path, stage)


def judge(
    recipe: Recipe,
    run: RunDir,
    number: int,
    problems: Sequence[Problem],
    folders: Mapping[str, str],
    settings: RolloutSettings,
) -> dict[str, Any]:
    """Let the students in `folders` (by name) solve what is held out, and put the best round's
    student where the run's student is; returns what the rounds came to up to this one."""
    solved = _solved(recipe, run, number, problems, folders, settings)
    found = outcome(solved, recipe.train.rounds)
    _keep(run, found.best, recipe.train.stages[-1])
    print(told(found), file=sys.stderr)
    return {
        "heldout": len(problems),
        "students": list(found.students),
        "best": found.best,
        "stopped": found.stopped,
    }


def end(run: RunDir, reason: str) -> None:
    """Note that the rounds have ended before their time."""
    best = run.rounds["best"]
    print(f"rounds end: {reason}; student/ is that of round {best}", file=sys.stderr)
    run.note_rounds(stopped=reason)


def _solved(
    recipe: Recipe,
    run: RunDir,
    number: int,
    problems: Sequence[Problem],
    folders: Mapping[str, str],
    settings: RolloutSettings,
) -> list[Solved]:
    everything = []
    for name, folder in folders.items():
        tasks = [task(problem, name, 0, recipe.seed) for problem in problems]
        planned = write_plan(run.tasks / "heldout", name, tasks, recipe.cluster.batch_tasks)
        everything += planned
        greedy = replace(settings, model=folder, temperature=0.0, out=str(run.heldout))
        roll_out(f"held out ({name.removeprefix('student_')})", planned, greedy, recipe.cluster)
    check_complete(run.heldout, everything)
    names = [student_name(index) for index in range(number + 1)]
    solved: dict[str, dict[str, bool]] = {name: {} for name in names}
    for row in tables.rows(run.heldout, ["problem", "model", "correct"]):
        if row["correct"] is not None:
            solved[row["model"]][row["problem"]["problem_id"]] = row["correct"]
    return list(solved.values())


def _keep(run: RunDir, number: int, stage: str) -> None:
    """Make the student of a round the run's, unless it is; a copy half made is made again."""
    if run.rounds.get("student", 1) == number and run.student.is_dir():
        return
    run.note_rounds(student=None)
    publish(student_of(run, number, stage), run.student)
    run.note_rounds(student=number)

"""The stage `evaluate`: each model on the unseen splits, through the same agent and functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import tables
from pipeline.evaluation.metrics import COLUMNS, metrics
from pipeline.generation.actor import RolloutSettings
from pipeline.generation.blocks import write_plan
from pipeline.generation.ray_job import check_complete, drop_engine_errors, roll_out
from pipeline.generation.tasks import task
from pipeline.recipe.load import Recipe
from pipeline.records import Problem, Task
from pipeline.run_dir import RunDir


def evaluate(
    recipe: Recipe,
    run: RunDir,
    problems: Sequence[Problem],
    models: Mapping[str, RolloutSettings],
    same: Mapping[str, str],
    redo_errors: bool = False,
) -> dict[str, Any]:
    """Evaluate `models`; writes metrics.json, returns facts for run.json.

    `same` maps further model names to names in `models` with the same weights, whose chains are
    reused. `redo_errors`: make chains that ended in an engine error again.
    """
    if redo_errors:
        drop_engine_errors(run.evaluation)
    selected = evaluation_problems(problems, recipe)
    blocks: list[Path] = []
    for name, settings in models.items():
        tasks = _tasks(name, selected, recipe)
        planned = write_plan(run.tasks / "evaluation", name, tasks, recipe.cluster.batch_tasks)
        roll_out(f"evaluate ({name})", run, planned, settings, recipe.cluster)
        check_complete(run.evaluation, planned, recipe.cluster.max_error_share)
        blocks += planned
    rows = write_table(run, same, blocks)
    return {"rows_in": len(selected), "rows_out": rows, "models": [*models, *same]}


def write_table(run: RunDir, same: Mapping[str, str], plans: Sequence[Path]) -> int:
    """Compute metrics.json from the chains of `plans`; returns their number. `same`: `evaluate`."""
    task_ids = {task_id for plan in plans for task_id in tables.task_ids(plan)}
    rows = [r for r in tables.rows(run.evaluation, COLUMNS) if r["task_id"] in task_ids]
    copies = [r | {"model": n} for n, other in same.items() for r in rows if r["model"] == other]
    write_json(run.evaluation / "metrics.json", metrics([*rows, *copies]))
    return len(rows)


def evaluation_problems(problems: Sequence[Problem], recipe: Recipe) -> list[Problem]:
    """Select the problems to evaluate, at most `evaluate.limit` of each split."""
    selected = []
    for split in recipe.evaluate.splits:
        selected += [p for p in problems if p.split == split][: recipe.evaluate.limit]
    return selected


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write `data` as JSON, atomically."""
    hidden = path.with_name(f".{path.name}")
    hidden.write_text(json.dumps(data, indent=2) + "\n")
    hidden.replace(path)


def _tasks(name: str, problems: Sequence[Problem], recipe: Recipe) -> list[Task]:
    samples = range(recipe.evaluate.samples)
    return [task(problem, name, index, recipe.seed) for problem in problems for index in samples]

"""The stage `evaluate` on chains that are on disk, so that no engine and no Ray is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import tables
from pipeline.evaluation.stage import evaluate, evaluation_problems, write_json
from pipeline.generation.blocks import write_plan
from pipeline.generation.tasks import task
from pipeline.recipe.load import Recipe, load
from pipeline.records import Failure, Problem, Task
from pipeline.run_dir import RunDir
from tests.pipeline.generation.chain_files import problem, row, without_engine, write_blocks

SPLITS = {"train": 2, "test": 3, "ood": 1}
PROBLEMS = [
    problem(f"{split}-{index}", split) for split, count in SPLITS.items() for index in range(count)
]


def recipe(*overrides: str) -> Recipe:
    return load("pocket", ["cluster.batch_tasks=3", *overrides])


def names(problems: list[Problem]) -> list[str]:
    return [each.problem_id for each in problems]


@pytest.mark.parametrize(
    ("overrides", "selected"),
    [
        ((), ["test-0", "test-1", "test-2", "ood-0"]),
        (("evaluate.splits=[ood, test]",), ["ood-0", "test-0", "test-1", "test-2"]),
        (("evaluate.limit=2",), ["test-0", "test-1", "ood-0"]),
        (("evaluate.splits=[ood]", "evaluate.limit=9"), ["ood-0"]),
    ],
)
def test_problems_are_selected_by_split_and_at_most_limit_of_each(
    overrides: tuple[str, ...], selected: list[str]
) -> None:
    assert names(evaluation_problems(PROBLEMS, recipe(*overrides))) == selected


def judged(task: Task) -> Failure | None:
    """The teacher solves all; the student fails on the second sample of each problem."""
    return "wrong_answer" if task.model == "student_before" and task.sample_index else None


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run with the evaluated chains of teacher and student: two of each problem."""
    run, settings = (
        RunDir(tmp_path),
        recipe("evaluate.samples=2", "evaluate.temperature=0.7", "evaluate.limit=2"),
    )
    for name in ("student_before", "teacher"):
        selected = evaluation_problems(PROBLEMS, settings)
        tasks = [task(each, name, index, settings.seed) for each in selected for index in (0, 1)]
        plans = write_plan(run.tasks / "evaluation", name, tasks, size=3)
        write_blocks(plans, run.evaluation, judged)
    return run


def evaluated(run: RunDir, same: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    models = dict.fromkeys(("student_before", "teacher"), without_engine(run.evaluation))
    settings = recipe("evaluate.samples=2", "evaluate.temperature=0.7", "evaluate.limit=2")
    facts = evaluate(settings, run, PROBLEMS, models, same)
    return facts, json.loads((run.evaluation / "metrics.json").read_text())


def test_each_model_has_a_cell_for_each_split(run: RunDir) -> None:
    facts, metrics = evaluated(run, {})
    assert facts == {"rows_in": 3, "rows_out": 12, "models": ["student_before", "teacher"]}
    counts = {
        (model, split): (cell["n"], cell["chains"], cell["correct"])
        for model, cells in metrics["models"].items()
        for split, cell in cells.items()
        if "/" not in split
    }
    assert counts == {
        ("student_before", "test"): (2, 4, 2),
        ("student_before", "ood"): (1, 2, 1),
        ("teacher", "test"): (2, 4, 4),
        ("teacher", "ood"): (1, 2, 2),
    }
    assert metrics["paired"] == {}


def test_a_model_with_the_same_weights_reuses_the_chains(run: RunDir) -> None:
    facts, metrics = evaluated(run, {"student_after": "student_before"})
    assert facts["models"] == ["student_before", "teacher", "student_after"]
    assert facts["rows_out"] == 12  # chains that exist; copies are not counted
    models = metrics["models"]
    assert models["student_after"] == models["student_before"]
    assert metrics["paired"]["test"]["gain"] == 0


def test_chains_of_models_and_problems_that_are_not_evaluated_do_not_count(run: RunDir) -> None:
    _, before = evaluated(run, {})
    others = [task(PROBLEMS[4], "teacher", 0, 0), task(PROBLEMS[2], "student_sft", 0, 0)]
    rows = [row(each, "no_answer") for each in others]
    tables.write(run.evaluation / "others.parquet", rows, tables.CHAINS)
    facts, after = evaluated(run, {})
    assert (facts["rows_out"], after) == (12, before)


def test_json_replaces_an_older_file_and_leaves_no_other(tmp_path: Path) -> None:
    for number in (1, 2):
        write_json(tmp_path / "metrics.json", {"number": number})
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"number": 2}

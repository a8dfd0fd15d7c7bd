"""Every number of metrics.json, and those of the printed tables, recomputed from the Parquet files
by other means: pyarrow's grouping, sums over all flips of signs, Wilson's roots by scipy."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from rich.console import Console
from scipy.stats import binomtest

from pipeline import tables
from pipeline.evaluation.report import render_report
from pipeline.evaluation.stage import evaluate, evaluation_problems
from pipeline.generation.blocks import blocks, write_plan
from pipeline.generation.tasks import task
from pipeline.hashing import stable_hash
from pipeline.recipe.load import load
from pipeline.records import Failure, Task
from pipeline.run_dir import RunDir
from tests.pipeline.generation.chain_files import problem, row, without_engine

MODELS = ("student_before", "student_after", "teacher")
PROBLEMS = [problem(f"{split}-{index}", split) for split in ("test", "ood") for index in range(12)]
KINDS: tuple[Failure | None, ...] = (None, None, "wrong_answer", "max_steps", "engine_error")


def failure_of(task: Task) -> Failure | None:
    return KINDS[stable_hash(task.task_id) % len(KINDS)]


def evaluated(place: Path, samples: int) -> tuple[RunDir, dict[str, Any]]:
    """A run with chains of varied results, and its metrics.json."""
    temperature = "evaluate.temperature=0.7"
    some_errors = ("cluster.batch_tasks=5", "cluster.max_error_share=1")
    recipe = load("pocket", [f"evaluate.samples={samples}", temperature, *some_errors])
    run = RunDir(place)
    for name in MODELS:
        asked = evaluation_problems(PROBLEMS, recipe)
        tasks = [task(each, name, index, recipe.seed) for each in asked for index in range(samples)]
        for block in blocks(write_plan(run.tasks / "evaluation", name, tasks, 5)):
            rows = []
            for each in block.tasks():
                number = stable_hash(each.task_id)
                calls = ["add", None, "answer"][: number % 4]
                rows.append(row(each, failure_of(each), calls, tokens=number % 50))
            tables.write(block.chains(run.evaluation), rows, tables.CHAINS)
    evaluate(recipe, run, PROBLEMS, dict.fromkeys(MODELS, without_engine(run.evaluation)), {})
    return run, json.loads((run.evaluation / "metrics.json").read_text())


def chains(run: RunDir, model: str, split: str) -> Any:
    """The chains of a model and split as an Arrow table."""
    table = ds.dataset([str(path) for path in tables.files(run.evaluation)]).to_table()
    kind, _, of_task = split.partition("/")
    mask = pc.and_(
        pc.equal(table["model"], model),
        pc.equal(pc.struct_field(table["problem"], "split"), kind),
    )
    if of_task:
        tasks = pc.struct_field(table["problem"], "task")
        mask = pc.and_(mask, pc.equal(tasks, of_task))
    found = table.filter(mask)
    return found.append_column("id", pc.struct_field(found["problem"], "problem_id"))


def shares(table: Any) -> dict[str, float]:
    """The share of correct chains of each problem with a verdict."""
    numbers = table.append_column("right", table["correct"].cast("int64"))
    grouped = numbers.group_by("id").aggregate([("right", "mean")]).to_pylist()
    return {row["id"]: row["right_mean"] for row in grouped if row["right_mean"] is not None}


@pytest.mark.parametrize("samples", [1, 3])
def test_every_number_of_a_row_follows_from_the_chains(tmp_path: Path, samples: int) -> None:
    run, metrics = evaluated(tmp_path, samples)
    assert set(metrics["models"]) == set(MODELS)
    for model, splits in metrics["models"].items():
        assert set(splits) == {"test", "test/arithmetic", "ood", "ood/arithmetic"}
        for split, cell in splits.items():
            table = chains(run, model, split)
            judged = table.filter(pc.is_valid(table["correct"]))
            right = judged.filter(judged["correct"])
            found = shares(table)
            assert (cell["n"], cell["chains"]) == (len(found), len(judged))
            assert cell["correct"] == len(right)
            assert cell["accuracy"] == pytest.approx(sum(found.values()) / len(found))
            assert cell["without_verdict"] == 12 - len(found)
            failures = table["failure"].drop_null().value_counts().to_pylist()
            assert cell["failures"] == {each["values"]: each["counts"] for each in failures}
            for key, of, column in (
                ("calls_per_problem", judged, "calls"),
                ("calls_per_solved", right, "calls"),
                ("tokens_per_problem", judged, "tokens"),
            ):
                assert cell[key] == pytest.approx(sum(of[column].to_pylist()) / len(of))
            called = [  # the only function that the chains call is add
                any(step["call"] and step["call"]["name"] == "add" for step in steps)
                for steps in right["steps"].to_pylist()
            ]
            assert cell["correct_without_call"] == called.count(False)
            if samples == 1:
                wilson = binomtest(len(right), len(judged)).proportion_ci(method="wilson")
                assert cell["ci95"] == pytest.approx([wilson.low, wilson.high])
            else:
                _check_pass_at(table, cell, samples)


def _check_pass_at(table: Any, cell: dict[str, Any], samples: int) -> None:
    """pass@k over all choices of k chains of a problem."""
    by_problem: dict[str, list[bool]] = {}
    for each in table.select(["id", "correct"]).to_pylist():
        if each["correct"] is not None:
            by_problem.setdefault(each["id"], []).append(each["correct"])
    assert set(cell["pass_at"]) == {"2", "3"} == set(cell["majority_at"])
    for k in (2, samples):
        solved = [
            [any(chosen) for chosen in itertools.combinations(verdicts, k)]
            for verdicts in by_problem.values()
            if len(verdicts) >= k
        ]
        assert cell["pass_at"][str(k)]["n"] == len(solved)
        expected = sum(sum(each) / len(each) for each in solved) / len(solved)
        assert cell["pass_at"][str(k)]["value"] == pytest.approx(expected)


@pytest.mark.parametrize("samples", [1, 3])
def test_every_number_of_a_comparison_follows_from_the_chains(tmp_path: Path, samples: int) -> None:
    run, metrics = evaluated(tmp_path, samples)
    for split, comparison in metrics["paired"].items():
        before, after = (shares(chains(run, name, split)) for name in MODELS[:2])
        changes = [after[key] - before[key] for key in before.keys() & after.keys()]
        assert comparison["n"] == len(changes)
        assert comparison["not_compared"] == 12 - len(changes)
        assert comparison["gained"] == sum(change > 0 for change in changes)
        assert comparison["lost"] == sum(change < 0 for change in changes)
        assert comparison["gain"] == pytest.approx(sum(changes) / len(changes))
        flips = itertools.product((1, -1), repeat=len(changes))
        sums = [abs(sum(f * c for f, c in zip(flip, changes, strict=True))) for flip in flips]
        p_value = sum(total >= abs(sum(changes)) - 1e-9 for total in sums) / len(sums)
        assert comparison["p_value"] == pytest.approx(p_value)
        low, high = comparison["ci95"]
        assert low <= comparison["gain"] <= high
        assert (low <= 0 <= high) == (p_value >= 0.05)


def test_the_printed_tables_show_the_numbers_of_the_chains(tmp_path: Path) -> None:
    run, metrics = evaluated(tmp_path, 1)
    console = Console(record=True, width=160, file=io.StringIO())
    console.print(render_report(metrics, {}, "runs/x"))
    text = " ".join(console.export_text().split())
    for model in MODELS:
        for split in ("test", "ood"):
            found = shares(chains(run, model, split))
            low, high = binomtest(int(sum(found.values())), len(found)).proportion_ci(
                method="wilson"
            )
            share = 100 * sum(found.values()) / len(found)
            assert f"{share:.1f}% [{100 * low:.1f}, {100 * high:.1f}]" in text
    for split in ("test", "ood"):
        before, after = (shares(chains(run, name, split)) for name in MODELS[:2])
        changes = [after[key] - before[key] for key in before.keys() & after.keys()]
        gain = 100 * sum(changes) / len(changes)
        assert f"against before, {split}: {gain:+.1f} points" in text

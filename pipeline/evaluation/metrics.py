"""Compute `evaluation/metrics.json` from evaluated chains."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pipeline import tables
from pipeline.agent.agent import AGENT_TOOLS
from pipeline.evaluation.statistics import paired, wilson

COLUMNS = (
    *("task_id", "problem", "model", "sample_index", "correct", "failure", "calls", "tokens"),
    "steps",
)

Row = Mapping[str, Any]


def metrics(rows: Iterable[Row]) -> dict[str, Any]:
    """The content of metrics.json, from evaluated chains (rows of CHAINS)."""
    table: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: row["task_id"]):
        split, task = row["problem"]["split"], row["problem"]["task"]
        for name in (split, f"{split}/{task}"):
            table[row["model"]][name].append(row)
    return {
        "models": {m: {s: _cell(r) for s, r in splits.items()} for m, splits in table.items()},
        "paired": _compare(table, "student_before"),
        "paired_vs_sft": _compare(table, "student_sft"),
    }


def _cell(rows: Sequence[Row]) -> dict[str, Any]:
    judged = [row for row in rows if row["correct"] is not None]
    correct = [row for row in judged if row["correct"]]
    n = len(judged)
    return {
        "n": n,
        "correct": len(correct),
        "accuracy": len(correct) / n if n else 0.0,
        "ci95": list(wilson(len(correct), n)),
        "failures": dict(Counter(row["failure"] for row in rows if row["failure"])),
        "calls_per_problem": _mean(row["calls"] for row in judged),
        "calls_per_solved": _mean(row["calls"] for row in correct),
        "tokens_per_problem": _mean(row["tokens"] for row in judged),
        "correct_without_call": sum(not _has_successful_call(row) for row in correct),
    }


def _has_successful_call(row: Row) -> bool:
    """Whether a call of a toolset function succeeded."""
    return any(
        each["call"]["name"] not in AGENT_TOOLS and each["result"]["ok"]
        for step in row["steps"]
        for each in tables.executed(step)
    )


def _compare(table: Mapping[str, Mapping[str, Sequence[Row]]], baseline: str) -> dict[str, Any]:
    if baseline not in table or "student_after" not in table:
        return {}
    return {
        split: _paired(table[baseline][split], rows)
        for split, rows in table["student_after"].items()
        if split in table[baseline]
    }


def _paired(before: Sequence[Row], after: Sequence[Row]) -> dict[str, Any]:
    first, second = _by_problem(before), _by_problem(after)
    both = sorted(first.keys() & second.keys())
    result = asdict(paired([first[key] for key in both], [second[key] for key in both]))
    return result | {"ci95": list(result["ci95"])}


def _by_problem(rows: Sequence[Row]) -> dict[tuple[str, int], bool]:
    return {
        (row["problem"]["problem_id"], row["sample_index"]): row["correct"]
        for row in rows
        if row["correct"] is not None
    }


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0

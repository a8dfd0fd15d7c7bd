"""Compute `evaluation/metrics.json` from evaluated chains.

A problem counts once, however many chains it has: its share of correct chains.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from pipeline import tables
from pipeline.agent.agent import AGENT_TOOLS
from pipeline.evaluation.samples import several_samples
from pipeline.evaluation.statistics import holm, paired, share_interval

COLUMNS = (
    *("task_id", "problem", "model", "sample_index", "correct", "failure", "calls", "tokens"),
    *("steps", "answer"),
)

Row = Mapping[str, Any]
Table = Mapping[str, Mapping[str, Sequence[Row]]]


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


def problems_digest(rows: Iterable[Row]) -> str:
    """16 hexadecimal digits of the problems that the rows are about: ids, questions, answers."""
    fields = ("problem_id", "question", "answer")
    found = {json.dumps([row["problem"].get(field) for field in fields]) for row in rows}
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:16]


def _cell(rows: Sequence[Row]) -> dict[str, Any]:
    judged = [row for row in rows if row["correct"] is not None]
    correct = [row for row in judged if row["correct"]]
    problems, shares = list(_by_problem(judged).values()), list(_shares(judged).values())
    samples = max(map(len, _by_problem(rows).values()))
    cell = {
        "n": len(problems),
        "chains": len(judged),
        "correct": len(correct),
        "accuracy": _mean(shares),
        "ci95": list(share_interval(shares, samples)),
        "without_verdict": len(_by_problem(rows)) - len(problems),
        "problems_digest": problems_digest(rows),
        "failures": dict(Counter(row["failure"] for row in rows if row["failure"])),
        "calls_per_problem": _mean(row["calls"] for row in judged),
        "calls_per_solved": _mean(row["calls"] for row in correct),
        "tokens_per_problem": _mean(row["tokens"] for row in judged),
        "correct_without_call": sum(not _has_successful_call(row) for row in correct),
    }
    return cell | (several_samples(problems, samples) if samples > 1 else {})


def _has_successful_call(row: Row) -> bool:
    """Whether a call of a toolset function succeeded."""
    return any(
        each["call"]["name"] not in AGENT_TOOLS and each["result"]["ok"]
        for step in row["steps"]
        for each in tables.executed(step)
    )


def _compare(table: Table, baseline: str) -> dict[str, Any]:
    if baseline not in table or "student_after" not in table:
        return {}
    compared = {
        split: _paired(table[baseline][split], rows)
        for split, rows in table["student_after"].items()
        if split in table[baseline]
    }
    tasks = [row for split, row in compared.items() if "/" in split and row["n"]]
    for row, corrected in zip(tasks, holm([row["p_value"] for row in tasks]), strict=True):
        row |= {"p_holm": corrected, "comparisons": len(tasks)}
    return compared


def _paired(before: Sequence[Row], after: Sequence[Row]) -> dict[str, Any]:
    """The comparison over the problems with a verdict of both; `not_compared` counts the others."""
    first, second = _shares(before), _shares(after)
    both = sorted(first.keys() & second.keys())
    chains = _by_problem(before)
    samples = max(map(len, chains.values()))
    result = asdict(paired([first[key] for key in both], [second[key] for key in both], samples))
    result["gain"] = result["gain"] if both else None
    every = chains.keys() | _by_problem(after).keys()
    return result | {"ci95": list(result["ci95"]), "not_compared": len(every) - len(both)}


def _by_problem(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["problem"]["problem_id"]].append(row)
    return found


def _shares(rows: Iterable[Row]) -> dict[str, Fraction]:
    """The share of correct chains of each problem with a verdict."""
    judged = _by_problem(row for row in rows if row["correct"] is not None)
    return {
        name: Fraction(sum(row["correct"] for row in chains), len(chains))
        for name, chains in judged.items()
    }


def _mean(values: Iterable[float | Fraction]) -> float | None:
    """The mean; None if there is no value."""
    numbers = list(values)
    return float(sum(numbers) / len(numbers)) if numbers else None

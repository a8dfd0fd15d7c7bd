"""Counts of a run's chains so far, read from its files of chains."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline import tables
from pipeline.agent.agent import AGENT_TOOLS
from pipeline.generation.tasks import by_problem

OUTCOME = (
    *("model", "correct", "failure", "stop_reason", "prefix_steps"),
    "steps.list.element.call.name",
    "steps.list.element.parallel.list.element.call.name",
)
ENOUGH = 20  # fewer chains without a call may be chance


def verdicts(folder: Path, name: str) -> dict[str, list[bool | None]]:
    """Verdicts on the chains of a model, by problem id, without continued chains."""
    rows = tables.rows(folder, ["problem.problem_id", "model", "correct", "prefix_steps"])
    return by_problem(r for r in rows if r["model"] == name and not r["prefix_steps"])


def written_tokens(folder: Path) -> dict[str, dict[str, list[int]]]:
    """Written tokens of each chain, by model and by problem id, without continued chains."""
    by_model: dict[str, dict[str, list[int]]] = {}
    for row in tables.rows(folder, ["model", "problem.problem_id", "tokens", "prefix_steps"]):
        if not row["prefix_steps"]:
            by_problem_id = by_model.setdefault(row["model"], {})
            by_problem_id.setdefault(row["problem_id"], []).append(row["tokens"])
    return by_model


def outcomes(folder: Path) -> dict[str, Any]:
    """Counts of chains and failures for run.json.

    `replies` counts for each model its chains without an engine error (`chains`), those that ended
    with an answer (`answered`), and those that called a function of the toolset (`calling`).
    """
    counts: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    replies: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path in tables.files(folder):
        for row in pq.ParquetFile(path).read(columns=list(OUTCOME)).to_pylist():
            name = f"{row['model']} continued" if row["prefix_steps"] else row["model"]
            counts[name] += 1
            counts[f"{name} right"] += row["correct"] is True
            failures[row["failure"]] += row["failure"] is not None
            if row["stop_reason"] != "engine_error":
                replies[name].update(chains=1, answered=row["stop_reason"] == "answer")
                replies[name]["calling"] += _calls(row)
    total = sum(n for name, n in counts.items() if not name.endswith(" right"))
    return {
        "rows_out": total,
        "chains": dict(counts),
        "failures": dict(+failures),
        "replies": {name: dict(counted) for name, counted in replies.items()},
    }


def no_calls_warning(replies: Mapping[str, Mapping[str, int]], native: bool) -> str | None:
    """Warning text for a teacher that never calls a function; None if a chain calls one, or if
    there are fewer than ENOUGH chains. `native`: the teacher uses its native dialect."""
    counted = replies.get("teacher", {})
    if counted.get("chains", 0) < ENOUGH or counted["calling"]:
        return None
    other = "another tool_parser or dialect=inject" if native else "dialect=native with tool_parser"
    return (
        f"the teacher called no function in any of its {counted['chains']:,} chains, of which "
        f"{counted['answered']:,} ended with an answer: {other} (agent.*), few-shot examples in "
        "agent.examples, or another teacher may help"
    )


def _calls(row: Mapping[str, Any]) -> bool:
    calls = [
        each["call"] for step in row["steps"] for each in (step, *(step.get("parallel") or ()))
    ]
    return bool({call["name"] for call in calls if call} - {*AGENT_TOOLS, None})

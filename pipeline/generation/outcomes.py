"""What a run has made so far, read from its files of chains.

Not here: what to plan next (`pipeline.generation.tasks`), the chains themselves
(`pipeline.generation.ray_job`).
"""

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
)
ENOUGH = 20  # chains without a call, below which that may be chance


def verdicts(folder: Path, name: str) -> dict[str, list[bool | None]]:
    """What the chains of a model came to, by problem id."""
    rows = tables.rows(folder, ["problem.problem_id", "model", "correct", "prefix_steps"])
    return by_problem(r for r in rows if r["model"] == name and not r["prefix_steps"])


def written(folder: Path) -> dict[str, dict[str, list[int]]]:
    """Tokens that each chain wrote, by model and by problem id, without continued chains."""
    found: dict[str, dict[str, list[int]]] = {}
    for row in tables.rows(folder, ["model", "problem.problem_id", "tokens", "prefix_steps"]):
        if not row["prefix_steps"]:
            of_model = found.setdefault(row["model"], {})
            of_model.setdefault(row["problem_id"], []).append(row["tokens"])
    return found


def outcomes(folder: Path) -> dict[str, Any]:
    """The counts of chains and failures that run.json holds.

    `replies` has for each model its chains without an engine error, how many of them ended with an
    answer, and how many called a function of the toolset.
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
    found = {name: dict(counted) for name, counted in replies.items()}
    return {
        "rows_out": total,
        "chains": dict(counts),
        "failures": dict(+failures),
        "replies": found,
    }


def never_calls(replies: Mapping[str, Mapping[str, int]], native: bool) -> str | None:
    """What is to be said of a teacher none of whose chains calls a function; None where one does,
    or where there are too few to tell. `native` says in which dialect it was spoken to."""
    found = replies.get("teacher", {})
    if found.get("chains", 0) < ENOUGH or found["calling"]:
        return None
    other = "another tool_parser or dialect=inject" if native else "dialect=native with tool_parser"
    return (
        f"the teacher called no function in any of its {found['chains']:,} chains, of which "
        f"{found['answered']:,} ended with an answer: {other} (agent.*), solved problems in "
        "agent.examples, or another teacher may help"
    )


def _calls(row: Mapping[str, Any]) -> bool:
    named = {step["call"]["name"] for step in row["steps"] if step["call"]}
    return bool(named - {*AGENT_TOOLS, None})

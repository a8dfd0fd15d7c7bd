"""What a run has made so far, read from its files of chains.

Not here: what to plan next (`pipeline.tasks`), the chains themselves (`pipeline.rollouts`).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline import tables
from pipeline.tasks import by_problem


def verdicts(folder: Path, name: str) -> dict[str, list[bool | None]]:
    """What the chains of a model came to, by problem id."""
    rows = tables.rows(folder, ["problem.problem_id", "model", "correct", "prefix_steps"])
    return by_problem(r for r in rows if r["model"] == name and not r["prefix_steps"])


def outcomes(folder: Path) -> dict[str, Any]:
    """The counts of chains and failures that run.json holds."""
    counts: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    for path in tables.files(folder):
        columns = ["model", "correct", "failure", "prefix_steps"]
        for row in pq.read_table(path, columns=columns).to_pylist():
            name = f"{row['model']} continued" if row["prefix_steps"] else row["model"]
            counts[name] += 1
            counts[f"{name} right"] += row["correct"] is True
            failures[row["failure"]] += row["failure"] is not None
    total = sum(n for name, n in counts.items() if not name.endswith(" right"))
    return {"rows_out": total, "chains": dict(counts), "failures": dict(+failures)}

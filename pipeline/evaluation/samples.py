"""pass@k and majority@k of problems with several chains each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.agent.verdict import answer_value
from pipeline.evaluation.statistics import Share, share_interval

Row = Mapping[str, Any]


def several_samples(problems: Sequence[Sequence[Row]], samples: int) -> dict[str, Any]:
    """`pass_at` and `majority_at` for k = 2, 4, 8 ... and `samples`, each over the problems with at
    least k judged chains; `problems` holds the judged chains of each problem."""
    table: dict[str, Any] = {"pass_at": {}, "majority_at": {}}
    for k in _sizes(samples):
        enough = [rows for rows in problems if len(rows) >= k]
        passed = [_pass_at(len(rows), sum(row["correct"] for row in rows), k) for rows in enough]
        voted = [_majority(rows, k) for rows in enough]
        table["pass_at"][str(k)] = _cell(passed, 2 * samples / k)  # with subsets that overlap
        table["majority_at"][str(k)] = _cell(voted, 2)  # of ties; else an outcome is 0 or 1
    return table


def _sizes(samples: int) -> list[int]:
    powers = [2**power for power in range(1, samples.bit_length())]
    return sorted({*(k for k in powers if k <= samples), samples})


def _cell(shares: Sequence[Share], samples: float) -> dict[str, Any]:
    n = len(shares)
    value = math.fsum(shares) / n if n else None
    return {"n": n, "value": value, "ci95": list(share_interval(shares, samples))}


def _pass_at(chains: int, correct: int, k: int) -> float:
    """The chance that k of the chains hold a correct one (Chen et al. 2021, arXiv 2107.03374)."""
    return 1 - math.comb(chains - correct, k) / math.comb(chains, k)


def _majority(rows: Sequence[Row], k: int) -> float:
    """The chance that the most frequent answer of the first k chains is correct; ties are drawn.

    A chain without an answer has no vote.
    """
    first = sorted(rows, key=lambda row: row["sample_index"])[:k]
    votes = Counter(vote for row in first if (vote := _vote(row)) is not None)
    most = [answer for answer, count in votes.items() if count == max(votes.values())]
    return (True in most) / len(most) if most else 0.0


def _vote(row: Row) -> Any:
    """True for a correct answer, else what the answer says; None without an answer."""
    if row["correct"]:
        return True
    answer = row.get("answer")
    if answer is None or not answer.strip():
        return None
    value = answer_value(answer)
    return (" ".join(answer.split()).casefold(),) if value is None else (value,)

"""Subsample pairs so that tasks, difficulties and failures are balanced.

Not here: the cap per problem (`pipeline.pairs.selection`).
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Stratum(NamedTuple):
    """The features to balance: task and difficulty of the problem, failure of the rejected side."""

    task: str
    difficulty: str
    failure: str


def difficulty(correct: int, chains: int) -> str:
    """The difficulty of a problem: hard, middle or easy for each third of its correct share."""
    thirds = 3 * correct / max(1, chains)
    return "hard" if thirds < 1 else "middle" if thirds < 2 else "easy"


def balanced(strata: Sequence[Stratum], most: int | None, seed: int) -> list[int]:
    """The sorted indices of the selected items, at most `most` (None: all).

    Items are selected one by one, each from the stratum whose task, difficulty and failure have
    been selected least so far; within a stratum at random.
    """
    if most is None or most >= len(strata):
        return list(range(len(strata)))
    rng = random.Random(f"{seed}/balance")
    remaining: dict[Stratum, list[int]] = defaultdict(list)
    for index in _shuffled(range(len(strata)), rng):
        remaining[strata[index]].append(index)
    selected: list[int] = []
    counts: Counter[tuple[str, str]] = Counter()
    for _ in range(most):
        stratum = min(remaining, key=lambda s: sum(counts[feature] for feature in _features(s)))
        selected.append(remaining[stratum].pop())
        counts.update(_features(stratum))
        if not remaining[stratum]:
            del remaining[stratum]
    return sorted(selected)


def _features(stratum: Stratum) -> list[tuple[str, str]]:
    return list(zip(Stratum._fields, stratum, strict=True))


def _shuffled(items: Sequence[T], rng: random.Random) -> list[T]:
    return rng.sample(items, len(items))

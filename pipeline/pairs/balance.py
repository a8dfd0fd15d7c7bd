"""Fewer pairs than were built: tasks, difficulties and failures as even as can be.

Not here: caps of one problem (`pipeline.pairs.selection`).
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Stratum(NamedTuple):
    """What pairs are balanced over: the problem's task, its `difficulty`, what the rejected side
    failed by."""

    task: str
    difficulty: str
    failure: str


def difficulty(right: int, chains: int) -> str:
    """How hard a problem is, by the share of its chains that were right: a third of it each."""
    thirds = 3 * right / max(1, chains)
    return "hard" if thirds < 1 else "middle" if thirds < 2 else "easy"


def balanced(strata: Sequence[Stratum], most: int | None, seed: int) -> list[int]:
    """The indices of the items that are kept, at most `most` (None: all), in order.

    Items are taken one by one, each from the stratum whose task, difficulty and failure have been
    taken least so far; within a stratum by lot.
    """
    if most is None or most >= len(strata):
        return list(range(len(strata)))
    rng = random.Random(f"{seed}/balance")
    left: dict[Stratum, list[int]] = defaultdict(list)
    for index in _shuffled(range(len(strata)), rng):
        left[strata[index]].append(index)
    kept: list[int] = []
    taken: Counter[tuple[str, str]] = Counter()
    for _ in range(most):
        stratum = min(left, key=lambda s: sum(taken[feature] for feature in _features(s)))
        kept.append(left[stratum].pop())
        taken.update(_features(stratum))
        if not left[stratum]:
            del left[stratum]
    return sorted(kept)


def _features(stratum: Stratum) -> list[tuple[str, str]]:
    return list(zip(Stratum._fields, stratum, strict=True))


def _shuffled(items: Sequence[T], rng: random.Random) -> list[T]:
    return rng.sample(items, len(items))

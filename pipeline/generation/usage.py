"""Engine usage: an engine's busy seconds, and the counts by model in run.json.

Not here: tokens of requests (`pipeline.agent.driver.Usage`), estimates from these counts
(`pipeline.run.estimate`).
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.agent.driver import SECONDS, TOKENS
from pipeline.run_dir import RunDir

STAGE, KEY = "generate", "usage"


class Busy:
    """Seconds in which an engine works on at least one block; overlapping blocks count each second
    once. Start-up and idle time do not count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._blocks = 0
        self._since = 0.0

    def begin(self) -> None:
        """Start a block."""
        if not self._blocks:
            self._since = self._clock()
        self._blocks += 1

    def end(self) -> float:
        """End a block; returns the busy seconds that were not returned before."""
        now = self._clock()
        seconds, self._since = now - self._since, now
        self._blocks -= 1
        return seconds


@contextmanager
def count_usage(run: RunDir, facts: dict[str, Any]) -> Iterator[dict[str, Counter[str]]]:
    """Yield counters by model for the chains that the stage `generate` makes. On exit, also after
    an error, add them to the fact `usage`, which sums over all commands on this run."""
    before = run.facts(STAGE).get(KEY, {})
    made: dict[str, Counter[str]] = defaultdict(Counter)
    try:
        yield made
    finally:
        sums = {n: _sum(before.get(n, {}), count) for n, count in made.items() if count}
        if sums:
            facts[KEY] = before | sums


def usage(run: RunDir, name: str) -> dict[str, float]:
    """Usage by the chains of a model: `chains`, `engine_seconds` and token counts; zeros if not
    measured."""
    return _sum(run.facts(STAGE).get(KEY, {}).get(name, {}), Counter())


def _sum(before: dict[str, float], made: Counter[str]) -> dict[str, float]:
    counts = {name: before.get(name, 0) + made[name] for name in ("chains", *TOKENS)}
    return counts | {SECONDS: round(before.get(SECONDS, 0.0) + made[SECONDS], 3)}

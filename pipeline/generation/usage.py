"""What chains take of the engines: an engine's busy seconds, and what run.json says by model.

Not here: tokens of requests (`pipeline.agent.driver.Usage`), estimates from it
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
    """Seconds in which an engine works on any block, each second told once however many blocks
    there are at a time. What starting takes, and waiting for work, does not count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._blocks = 0
        self._since = 0.0

    def begin(self) -> None:
        """Begin a block."""
        if not self._blocks:
            self._since = self._clock()
        self._blocks += 1

    def end(self) -> float:
        """End a block; returns the busy seconds that were not told yet."""
        now = self._clock()
        seconds, self._since = now - self._since, now
        self._blocks -= 1
        return seconds


@contextmanager
def counted(run: RunDir, facts: dict[str, Any]) -> Iterator[dict[str, Counter[str]]]:
    """Counts of the chains that the stage `generate` makes, by model; however the stage ends they
    are added to its fact `usage`, which is of all commands on this run."""
    before = run.facts(STAGE).get(KEY, {})
    made: dict[str, Counter[str]] = defaultdict(Counter)
    try:
        yield made
    finally:
        added = {n: _added(before.get(n, {}), count) for n, count in made.items() if count}
        if added:
            facts[KEY] = before | added


def usage(run: RunDir, name: str) -> dict[str, float]:
    """What the chains of a model took: `chains`, `engine_seconds` and the counts of tokens; zeros
    where that was not measured."""
    return _added(run.facts(STAGE).get(KEY, {}).get(name, {}), Counter())


def _added(before: dict[str, float], made: Counter[str]) -> dict[str, float]:
    counts = {name: before.get(name, 0) + made[name] for name in ("chains", *TOKENS)}
    return counts | {SECONDS: round(before.get(SECONDS, 0.0) + made[SECONDS], 3)}

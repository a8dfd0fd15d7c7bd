"""Pauses the chains of an actor while its engine fails every request, and then gives up.

Errors in a row, over all chains of the actor, are an outage: chains wait, and one at a time tries
again, after 1, 2, 4, ... seconds. The first one without an error ends the outage. The errors of an
outage are no results: their chains are made again.

Not here: single errors (`pipeline.agent.driver`), the share of a stage that may end in an error
(`pipeline.generation.ray_job`), a dead engine (`pipeline.generation.actor`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pipeline.engine.engine import EngineRefused
from pipeline.records import Chain

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 60.0

Make = Callable[[], Awaitable[Chain]]


class Outage(EngineRefused):
    """Every request failed, for longer than the recipe allows."""


@dataclass(slots=True, eq=False)
class Streak:
    """Errors in a row; an outage from a certain number on, `since` the loop's time in seconds.

    Chains that began before the first error may still end well after it: they do not end the
    streak, but each of these `late` ones balances an error.
    """

    errors: int = 0
    late: int = 0
    outage: bool = False
    since: float = 0.0
    pauses: int = 0
    last: str = ""


class Breaker:
    """Makes chains, and waits while the engine fails.

    `most` errors in a row are an outage (None: never), which may last `seconds`. An engine that is
    `dead` is not waited for.
    """

    def __init__(
        self,
        most: int | None,
        seconds: float,
        dead: Callable[[], bool] = lambda: False,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._most, self._seconds, self._dead = most, seconds, dead
        self._first_pause = first_pause
        self._streak = Streak()
        self._running = 0
        self._ended = asyncio.Condition()  # a chain ended
        self._turn = asyncio.Lock()  # first come, first served, so that each chain tries in turn

    async def chain(self, make: Make) -> tuple[Chain, Streak | None]:
        """Make a chain; returns it with its streak if it ended in an error.

        If `is_outage` of that streak, the chain must be made again. Raises Outage.
        """
        self._running += 1
        try:
            while True:
                began = self._streak if self._streak.errors else None
                chain = await (self._try(make) if self._streak.outage else make())
                if chain is None:
                    continue
                streak = self._record(chain, began)
                if streak is None or not streak.outage or self._dead():
                    return chain, streak
        finally:
            self._running -= 1
            async with self._ended:
                self._ended.notify_all()

    async def is_outage(self, streak: Streak) -> bool:
        """Whether a streak became an outage; waits while it may, as other chains still run."""
        async with self._ended:
            await self._ended.wait_for(
                lambda: streak.outage or streak is not self._streak or not self._running
            )
        return streak.outage

    async def _try(self, make: Make) -> Chain | None:
        """Make a chain after a pause; None if the outage has ended before its turn."""
        async with self._turn:
            if not self._streak.outage:
                return None
            if not self._dead():
                await self._pause(self._streak)
            return await make()

    async def _pause(self, streak: Streak) -> None:
        now = asyncio.get_running_loop().time()
        left = streak.since + self._seconds - now
        if left <= 0:
            raise Outage(
                f"every request failed for {now - streak.since:.0f} s, {streak.errors} chains in a "
                f"row (cluster.max_errors_in_a_row, cluster.outage_seconds); the last error: "
                f"{streak.last}"
            )
        pause = min(self._first_pause * 2**streak.pauses, LONGEST_PAUSE, left)
        streak.pauses += 1
        await asyncio.sleep(pause)

    def _record(self, chain: Chain, began: Streak | None) -> Streak | None:
        """Count a chain that began after the first error of `began`; returns its streak, or None
        without an error."""
        streak = self._streak
        if chain.stop_reason != "engine_error":
            if began is streak:
                self._streak = Streak()  # the engine works again
            elif streak.errors:
                streak.late += 1
            return None
        streak.errors, streak.last = streak.errors + 1, chain.error or "no reason"
        enough = self._most is not None and streak.errors - streak.late >= self._most
        if enough and not streak.outage:
            streak.outage, streak.since = True, asyncio.get_running_loop().time()
        return streak

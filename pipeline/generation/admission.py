"""How many chains an engine works on at once: as many as its KV cache holds.

More than that push each other's tokens out of the cache, to be computed again at every turn. A
chain holds its own tokens; those that all begin with, the functions' descriptions, are held once.

Not here: what a chain is (`pipeline.agent.driver`), how many tasks an actor gets
(`pipeline.generation.pool`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipeline.engine.engine import EngineCapacity


class Admission:
    """Lets chains begin as others end, first come first served.

    `room` is the engine's, None where it does not tell; `most` bounds the chains however short they
    are; `guess` is what a chain is taken to hold until some have ended.
    """

    def __init__(self, capacity: EngineCapacity | None, most: int, guess: int) -> None:
        self._engine = capacity
        self._most = most
        self._guess = guess
        self._held = self._ended = 0
        self._active = 0
        self._room = asyncio.Condition()

    @property
    def bound(self) -> int:
        """Chains at once, by the mean of what those that ended have held. Until as many have ended
        as the engine decodes at once there are no more than these: little is known, and more would
        not make it faster."""
        if self._engine is None:
            return self._most
        mean = (self._held + self._guess) / (self._ended + 1)
        fits = max(1, int(self._engine.cache_tokens / max(1.0, mean)))
        known = self._ended >= self._engine.requests
        return min(self._most, fits if known else min(fits, self._engine.requests))

    @asynccontextmanager
    async def chain(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it."""
        async with self._room:
            await self._room.wait_for(lambda: self._active < self.bound)
            self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            async with self._room:
                self._room.notify_all()

    def held(self, tokens: int) -> None:
        """Take note of what a chain held in the end, tokens of its own."""
        self._held, self._ended = self._held + tokens, self._ended + 1

"""Limits an engine's concurrent chains to as many as its KV cache holds.

With more chains, they evict each other's tokens from the cache, which are then computed again at
every turn. A chain holds its own tokens; the shared prefix with the functions' descriptions is held
once for all chains.

Not here: how many tasks an actor gets (`pipeline.generation.pool`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipeline.engine.engine import EngineCapacity


class Admission:
    """Starts chains in arrival order, each when there is capacity.

    `capacity` is the engine's, None if unknown; `most` is the most concurrent chains, however short
    they are; `guess` is the tokens that a chain is assumed to hold until some have ended.
    """

    def __init__(self, capacity: EngineCapacity | None, most: int, guess: int) -> None:
        self._capacity = capacity
        self._most = most
        self._guess = guess
        self._tokens = self._ended = 0
        self._active = 0
        self._freed = asyncio.Condition()

    @property
    def bound(self) -> int:
        """Most concurrent chains, from the mean tokens of the chains that ended. Until as many
        chains have ended as the engine decodes at once, the bound is at most that number: the mean
        is uncertain, and more chains would not be faster."""
        if self._capacity is None:
            return self._most
        mean = (self._tokens + self._guess) / (self._ended + 1)
        fits = max(1, int(self._capacity.cache_tokens / max(1.0, mean)))
        known = self._ended >= self._capacity.requests
        return min(self._most, fits if known else min(fits, self._capacity.requests))

    @asynccontextmanager
    async def chain(self) -> AsyncIterator[None]:
        """Wait until the chain may start; on exit, let the next one start."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._active < self.bound)
            self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            async with self._freed:
                self._freed.notify_all()

    def record(self, tokens: int) -> None:
        """Record the final number of tokens of a chain, without the shared prefix."""
        self._tokens, self._ended = self._tokens + tokens, self._ended + 1

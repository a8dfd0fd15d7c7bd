"""Detects an engine that hangs: requests wait, and no token comes.

Not here: what follows (`pipeline.generation.actor`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pipeline.agent.driver import Engine, EngineError, Sampling
from pipeline.records import Reply


class Watch:
    """The time since an engine's last token, of any request. After `seconds` (None: no limit) with
    a request waiting, it has `stalled`: all requests end, and so do later ones.

    Use it only inside one event loop.
    """

    def __init__(self, seconds: float | None) -> None:
        self.stalled = False
        self._seconds = seconds
        self._last = 0.0
        self._waiting: set[asyncio.Timeout] = set()
        self._timer: asyncio.TimerHandle | None = None

    def token(self) -> None:
        """Record that a token came."""
        self._last = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """A request to the engine; raises EngineError if the engine stalls."""
        if self.stalled:
            raise EngineError(self._words)
        try:
            async with asyncio.timeout(None) as limit:
                self._begin(limit)
                try:
                    yield
                finally:
                    self._waiting.discard(limit)
        except TimeoutError:
            if not self.stalled:  # the engine's own
                raise
            raise EngineError(self._words) from None
        self.token()

    @property
    def _words(self) -> str:
        return f"the engine wrote no token for {self._seconds:g} s"

    def _begin(self, limit: asyncio.Timeout) -> None:
        if not self._waiting:
            self.token()  # an idle engine writes none
        self._waiting.add(limit)
        if self._timer is None and self._seconds is not None:
            self._check()

    def _check(self) -> None:
        """End all requests if the time is up, else look again when it may be."""
        assert self._seconds is not None
        loop, self._timer = asyncio.get_running_loop(), None
        if not self._waiting:
            return
        if (left := self._last + self._seconds - loop.time()) > 0:
            self._timer = loop.call_later(left, self._check)
            return
        self.stalled = True
        for limit in self._waiting:
            limit.reschedule(loop.time())


class WatchedEngine:
    """An engine whose requests are watched. It counts tokens by itself if it calls `on_token`, an
    attribute that is set here; otherwise only whole replies count."""

    def __init__(self, engine: Engine, watch: Watch) -> None:
        self._engine, self._watch = engine, watch
        engine.on_token = watch.token  # type: ignore[attr-defined]  # not of the protocol

    @property
    def context(self) -> int:
        return self._engine.context

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        async with self._watch.request():
            return await self._engine.generate(prompt_token_ids, sampling)

"""A call on its way through the executor: its request, who waits for it, how they are told.

Not here: queues and workers (`toolsets.execution.executor`), what travels back
(`toolsets.execution.pool.process`).
"""

from __future__ import annotations

import asyncio
import json
import random
import select
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from toolsets.calls.model import ToolCall, ToolResult

Outcome = ToolResult | Exception
Settled = tuple["Job", Outcome]


class Promise:
    """An outcome that one thread waits for: concurrent.futures.Future at a tenth of its cost."""

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._given = threading.Lock()
        self._given.acquire()

    def set(self, outcome: Outcome) -> None:
        """Let the thread go on."""
        self._outcome = outcome
        self._given.release()

    def wait(self) -> ToolResult:
        """The result, once it is there, or the error raised."""
        with self._given:
            assert self._outcome is not None
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class Job:
    """A call, encoded, and whoever waits for it: a thread, or a coroutine of event loop `loop`.

    `key` comes back with the reply. A random one, so that a function which writes replies of its
    own cannot answer the calls behind it. `attempts` counts the workers that ended under it.
    """

    __slots__ = ("attempts", "is_long", "key", "name", "request", "seconds", "waiter")

    def __init__(
        self,
        call: ToolCall,
        seconds: float,
        waiter: Promise | asyncio.Future[ToolResult],
    ) -> None:
        self.name = call.name
        self.seconds = seconds
        self.waiter = waiter
        self.key = random.getrandbits(62)
        self.attempts = 0
        fields = {"key": self.key, "name": call.name, "arguments": call.arguments}
        if call.state is not None:
            fields["state"] = call.state
        self.request = json.dumps(fields).encode() + b"\n"
        self.is_long = len(self.request) > select.PIPE_BUF  # takes several packets

    @property
    def is_cancelled(self) -> bool:
        return not isinstance(self.waiter, Promise) and self.waiter.cancelled()


@dataclass(frozen=True, slots=True)
class Metrics:
    """What an executor has done so far.

    `failures` counts the results by error kind; `kills` the workers ended for a call that hung,
    `respawns` the processes started anew for whatever reason; `busy_seconds` is the time that
    workers had a call; `waiting` counts the calls without a result at this moment.
    """

    calls: int
    failures: Mapping[str, int]
    kills: int
    respawns: int
    busy_seconds: float
    waiting: int


def deliver(settled: Iterable[Settled]) -> None:
    """Tell everyone who waits, each event loop woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[ToolResult], Outcome]]] = {}
    for job, outcome in settled:
        if isinstance(job.waiter, Promise):
            job.waiter.set(outcome)
        else:
            batch = by_loop.setdefault(job.waiter.get_loop(), [])
            batch.append((job.waiter, outcome))
    for loop, batch in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_set_all, batch)


def _set_all(batch: list[tuple[asyncio.Future[ToolResult], Outcome]]) -> None:
    for future, outcome in batch:
        if future.done():  # cancelled meanwhile
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

"""A call in the executor: its encoded request, its waiter, and the delivery of its outcome."""

from __future__ import annotations

import asyncio
import json
import random
import select
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from toolsets.calls.model import ToolCall, ToolResult

Outcome = ToolResult | Exception
Settled = tuple["Job", Outcome]


class Promise:
    """An outcome for one waiting thread, at a tenth of the cost of concurrent.futures.Future."""

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._done = threading.Lock()  # free once the outcome is set
        self._done.acquire()

    def set(self, outcome: Outcome) -> None:
        """Set the outcome and wake the waiting thread."""
        self._outcome = outcome
        self._done.release()

    def wait(self) -> ToolResult:
        """Wait and return the result; raises the outcome if it is an error."""
        with self._done:
            assert self._outcome is not None
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class Job:
    """An encoded call and its waiter, a thread or a coroutine.

    The worker's reply repeats `key`. It is random, so that a function that forges replies cannot
    answer later calls. `attempts` counts the workers that failed during this call.
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
        self.is_long = len(self.request) > select.PIPE_BUF  # needs several packets

    @property
    def is_cancelled(self) -> bool:
        return not isinstance(self.waiter, Promise) and self.waiter.cancelled()


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counts of an executor since its start.

    `failures` counts results by error kind; `kills` the workers killed because a call hung,
    `respawns` all restarted processes; `busy_seconds` is the time that workers spent on calls;
    `waiting` counts the calls that are unfinished now.
    """

    calls: int
    failures: Mapping[str, int]
    kills: int
    respawns: int
    busy_seconds: float
    waiting: int

    def __add__(self, other: Metrics) -> Metrics:
        return Metrics(
            calls=self.calls + other.calls,
            failures=dict(Counter(self.failures) + Counter(other.failures)),
            kills=self.kills + other.kills,
            respawns=self.respawns + other.respawns,
            busy_seconds=self.busy_seconds + other.busy_seconds,
            waiting=self.waiting + other.waiting,
        )


def deliver(settled: Iterable[Settled]) -> None:
    """Pass the outcomes to their waiters; each event loop is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[ToolResult], Outcome]]] = {}
    for job, outcome in settled:
        if isinstance(job.waiter, Promise):
            job.waiter.set(outcome)
        else:
            batch = by_loop.setdefault(job.waiter.get_loop(), [])
            batch.append((job.waiter, outcome))
    for loop, batch in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(_set_all, batch)


def _set_all(batch: list[tuple[asyncio.Future[ToolResult], Outcome]]) -> None:
    for future, outcome in batch:
        if future.done():  # cancelled in the meantime
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

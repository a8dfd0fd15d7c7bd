"""Execute calls in worker processes, each call within limits of time and memory.

A worker that hangs or dies fails only its current call and is replaced at once. A model's mistakes
never raise here: they become a failed ToolResult.

Covered: endless loops, exhausted memory, dying processes, stray prints, Ctrl-C, a killed parent;
if the kernel allows it (`toolsets.execution.sandbox.confinement`) also the network, files and other
processes. Not covered: a function that deliberately corrupts the results of later calls in its own
process.
"""

from __future__ import annotations

import asyncio

from toolsets.calls.model import ToolCall, ToolResult
from toolsets.catalog.toolset import Toolset
from toolsets.execution.pool.dispatcher import Dispatcher
from toolsets.execution.pool.job import Job, Metrics, Promise
from toolsets.execution.pool.process import WorkerProcess


class Executor:
    """A pool of worker processes for the calls of one toolset; a context manager.

    `wall_clock_seconds` and `memory_mib` (in addition to the loaded toolset's memory) apply per
    call, except for tools with limits of their own. At most `max_waiting` calls may be unfinished.
    A call raises ToolsetError if the workers cannot load the toolset by its name.
    """

    def __init__(
        self,
        toolset: Toolset,
        workers: int = 2,
        wall_clock_seconds: float = 5.0,
        memory_mib: int = 512,
        max_waiting: int = 100_000,
    ) -> None:
        limits = {
            "workers": workers,
            "wall_clock_seconds": wall_clock_seconds,
            "memory_mib": memory_mib,
            "max_waiting": max_waiting,
        }
        for name, value in limits.items():
            if value <= 0:
                raise ValueError(f"{name} must be more than 0, got {value}")
        self._wall_clock_seconds = wall_clock_seconds
        self._seconds = {
            tool.name: tool.limits.wall_clock_seconds or wall_clock_seconds
            for tool in toolset.tools
        }
        processes = [WorkerProcess(toolset, wall_clock_seconds, memory_mib) for _ in range(workers)]
        self._dispatcher = Dispatcher(processes, max_waiting)

    def run(self, call: ToolCall) -> ToolResult:
        """Execute `call` and wait; raises RuntimeError if the executor is closed or full."""
        promise = Promise()
        self._dispatcher.add(Job(call, self._limit(call), promise))
        return promise.wait()

    def submit(self, call: ToolCall) -> asyncio.Future[ToolResult]:
        """Execute `call`; await the future in the event loop that is running now.

        Raises RuntimeError if the executor is closed, or if `max_waiting` calls are unfinished:
        await some before submitting more.
        """
        future: asyncio.Future[ToolResult] = asyncio.get_running_loop().create_future()
        self._dispatcher.add(Job(call, self._limit(call), future))
        return future

    def metrics(self) -> Metrics:
        """Counts of executed and failed calls so far."""
        return self._dispatcher.metrics()

    def close(self) -> None:
        """Kill the workers; unfinished calls raise RuntimeError. May be called twice."""
        self._dispatcher.close()

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _limit(self, call: ToolCall) -> float:
        return self._seconds.get(call.name, self._wall_clock_seconds)

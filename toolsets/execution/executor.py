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

    If only some of its tools are unconfined, these have as many workers of their own.

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
        self._toolset = toolset
        self._dispatchers: dict[str, Dispatcher] = {}  # by the names of their tools
        self._pools: list[Dispatcher] = []
        for part in toolset.confined_or_not():
            processes = [
                WorkerProcess(part, wall_clock_seconds, memory_mib) for _ in range(workers)
            ]
            self._pools.append(Dispatcher(processes, max_waiting))
            self._dispatchers |= dict.fromkeys(part.tool_names, self._pools[-1])

    def run(self, call: ToolCall) -> ToolResult:
        """Execute `call` and wait; raises RuntimeError if the executor is closed or full."""
        if result := self._refusal(call):
            return result
        promise = Promise()
        self._pool(call).add(Job(call, self._limit(call), promise))
        return promise.wait()

    def submit(self, call: ToolCall) -> asyncio.Future[ToolResult]:
        """Execute `call`; await the future in the event loop that is running now.

        Raises RuntimeError if the executor is closed, or if `max_waiting` calls are unfinished:
        await some before submitting more.
        """
        future: asyncio.Future[ToolResult] = asyncio.get_running_loop().create_future()
        if result := self._refusal(call):
            future.set_result(result)
        else:
            self._pool(call).add(Job(call, self._limit(call), future))
        return future

    def metrics(self) -> Metrics:
        """Counts of executed and failed calls so far."""
        first, *others = (pool.metrics() for pool in self._pools)
        return sum(others, start=first)

    def close(self) -> None:
        """Kill the workers; unfinished calls raise RuntimeError. May be called twice."""
        for pool in self._pools:
            pool.close()

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _refusal(self, call: ToolCall) -> ToolResult | None:
        """The result of a call of no function, if no single pool knows all that there are."""
        if len(self._pools) == 1 or call.name in self._dispatchers:
            return None
        return self._toolset.execute(call)

    def _pool(self, call: ToolCall) -> Dispatcher:
        return self._dispatchers.get(call.name, self._pools[0])

    def _limit(self, call: ToolCall) -> float:
        return self._seconds.get(call.name, self._wall_clock_seconds)

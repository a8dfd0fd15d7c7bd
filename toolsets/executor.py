"""Calls executed in worker processes, each call within limits of time and memory.

One dispatcher thread per worker takes calls from one shared queue and passes them to its process
(`toolsets.process`). A worker that hangs or dies costs its own call only and is replaced at once.
What a model wrote never raises here: it becomes a ToolResult.

Covered: endless loops, exhausted memory, dying processes, stray prints, Ctrl-C, a killed parent.
Not covered: a function that means harm. Workers run as the same user, with files and network.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from concurrent.futures import Future
from contextlib import suppress

from toolsets.call import ToolCall, ToolResult
from toolsets.process import WorkerProcess
from toolsets.toolset import Toolset

_Job = tuple[str, bytes, "Future[ToolResult]"]  # the function's name, the request, its result


class Executor:
    """A pool of worker processes for the calls of one toolset; a context manager.

    `wall_clock_seconds` and `memory_mib` (beyond what the loaded toolset takes) hold per call.
    A call raises ToolsetError where the workers cannot load the toolset by its name.
    """

    def __init__(
        self,
        toolset: Toolset,
        workers: int = 2,
        wall_clock_seconds: float = 5.0,
        memory_mib: int = 512,
    ) -> None:
        limits = {
            "workers": workers,
            "wall_clock_seconds": wall_clock_seconds,
            "memory_mib": memory_mib,
        }
        for what, value in limits.items():
            if value <= 0:
                raise ValueError(f"{what} must be more than 0, got {value}")
        self._closed = False
        self._lock = threading.Lock()  # so that nothing enters the queue behind the end marks
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._workers = [
            WorkerProcess(toolset, wall_clock_seconds, memory_mib) for _ in range(workers)
        ]
        self._threads = [
            threading.Thread(target=self._dispatch, args=(worker,), name="executor", daemon=True)
            for worker in self._workers
        ]
        for thread in self._threads:
            thread.start()

    def run(self, call: ToolCall) -> ToolResult:
        """Execute `call` and wait; raises RuntimeError where the executor is closed."""
        return self._enqueue(call).result()

    def submit(self, call: ToolCall) -> asyncio.Future[ToolResult]:
        """Execute `call`; to be awaited in the event loop that is running now."""
        return asyncio.wrap_future(self._enqueue(call), loop=asyncio.get_running_loop())

    def close(self) -> None:
        """Kill the workers; calls that still wait raise RuntimeError. Closing twice is fine."""
        with self._lock:
            self._closed = True
            for _ in self._threads:
                self._jobs.put(None)
        for worker, thread in zip(self._workers, self._threads, strict=True):
            while thread.is_alive():
                worker.kill()
                thread.join(0.05)

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _enqueue(self, call: ToolCall) -> Future[ToolResult]:
        request = json.dumps({"name": call.name, "arguments": call.arguments}).encode() + b"\n"
        future: Future[ToolResult] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the executor is closed")
            self._jobs.put((call.name, request, future))
        return future

    def _dispatch(self, worker: WorkerProcess) -> None:
        with suppress(OSError):  # the first call tries again and says why
            worker.start()
        while (job := self._jobs.get()) is not None:
            name, request, future = job
            if future.set_running_or_notify_cancel():
                self._execute(worker, name, request, future)
        worker.stop()

    def _execute(
        self, worker: WorkerProcess, name: str, request: bytes, future: Future[ToolResult]
    ) -> None:
        try:
            result = None if self._closed else worker.run(name, request)
        except Exception as error:  # to whoever waits for the call, and the thread lives on
            future.set_exception(error)
            return
        if result is None or self._closed:  # what a killed worker left is no result
            future.set_exception(RuntimeError("the executor is closed"))
        else:
            future.set_result(result)

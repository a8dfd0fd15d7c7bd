"""One worker process from the executor's side: start it, send calls, read replies, kill it.

A request is a line of JSON. On Linux each is sent as one packet (a pipe opened with O_DIRECT), so
that the worker reads one call at a time and later ones can be taken back.

Not here: the program in the process (`toolsets.execution.pool.worker`), assigning calls to
processes (`toolsets.execution.pool.dispatcher`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from toolsets.calls.model import ToolResult
from toolsets.catalog.toolset import Toolset
from toolsets.errors import ErrorKind, ToolsetError
from toolsets.execution.pool.job import Job
from toolsets.execution.pool.pipes import MOST_PACKETS, packet_pipe, second_reader, take_all
from toolsets.execution.sandbox.usage import usage

START_SECONDS = 60.0  # enough to import a large library from a cold disk
MOST_THREADS = 128  # of a call, those of its child processes included
LONGEST_REPLY = 2**22  # bytes; more than any result needs
ROOT = Path(__file__).resolve().parents[3]

_KINDS = (None, *get_args(ErrorKind))


class BrokenWorkerError(Exception):
    """A process ended (`ended`), or wrote an invalid reply."""

    def __init__(self, ended: bool) -> None:
        super().__init__()
        self.ended = ended


class WorkerProcess:
    """A process and the calls sent to it, the oldest first: the head.

    Belongs to one thread, which must live as long as the process is needed: the kernel ends the
    process when the thread that started it ends. Only `send` may be called by any thread that holds
    the dispatcher's lock.
    """

    def __init__(self, toolset: Toolset, seconds: float, memory_mib: int) -> None:
        self._toolset = toolset
        self._limits = (str(seconds), str(memory_mib))
        self._memory_mib = {t.name: t.limits.memory_mib or memory_mib for t in toolset.tools}
        self._process: subprocess.Popen[bytes] | None = None
        self.pending: deque[Job] = deque()
        self.since = 0.0  # start time of the head, or of the process
        self.ready = False
        self.window = MOST_PACKETS  # calls in flight; fewer while calls are slow
        self.unconfined: list[str] = []  # what the kernel could not block
        self.busy_seconds = 0.0
        self.failed_starts = 0  # in a row

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def accepts_call(self) -> bool:
        return self.ready and len(self.pending) < self.window and not self._unsent

    @property
    def unsent(self) -> bool:
        """Whether a part of a request is not written yet, as the pipe is full."""
        return self.ready and bool(self._unsent)

    def start(self) -> None:
        """Start the process without waiting for it to load the toolset; raises OSError."""
        worker_end, self._requests = packet_pipe()
        self._second_reader = second_reader(worker_end)
        arguments = (self._toolset.name, *self._limits, str(os.getpid()))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "toolsets.execution.pool.worker", *arguments],
                stdin=worker_end,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env=_environment(),
                start_new_session=True,  # so that Ctrl-C at the terminal does not reach workers
            )
        finally:
            os.close(worker_end)
            if self._process is None:
                self._close_pipes()
        assert self._process.stdout is not None
        self.replies = self._process.stdout.fileno()
        self.ready, self._unsent, self._unread = False, b"", bytearray()
        self.since, self.window = time.monotonic(), MOST_PACKETS

    def send(self, job: Job) -> None:
        """Write a call's request, or as much of it as the pipe takes; `flush` writes the rest."""
        if not self.pending:
            self.since = time.monotonic()
        self.pending.append(job)
        self._unsent = job.request
        if job.is_long:  # nothing may follow it: packets are taken back one by one
            self.window = 1
        self.flush()

    def flush(self) -> None:
        """Write the rest of the request that `send` started."""
        with suppress(BlockingIOError, BrokenPipeError):  # `read` reports a process that ended
            while self._unsent:
                self._unsent = self._unsent[os.write(self._requests, self._unsent) :]

    def read(self) -> Iterator[tuple[Job, ToolResult, bool]]:
        """Answered calls, their results, and whether it was the last call of the process.

        Raises BrokenWorkerError, and ToolsetError if the process cannot load the toolset.
        """
        chunk = os.read(self.replies, 2**18)
        if not chunk or len(self._unread) > LONGEST_REPLY:
            raise BrokenWorkerError(ended=not chunk)
        self._unread += chunk
        if b"\n" not in chunk:
            return
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            if self.ready:
                yield self._read_reply(line)
            else:
                self._read_greeting(line)

    def take_back(self) -> list[Job]:
        """Take back the calls that the process has not read, in their order."""
        unread = len(take_all(self._second_reader)) + len(self._unsent) if self.ready else 0
        self._unsent = b""
        jobs: list[Job] = []
        while self.pending and unread >= len(self.pending[-1].request):
            unread -= len(self.pending[-1].request)
            jobs.append(self.pending.pop())
        return jobs[::-1]

    def overuse(self) -> str | None:
        """The message for a head whose threads and children are too many or too large."""
        if self._toolset.unconfined or self._process is None:
            return None
        name = self.pending[0].name
        threads, mib = usage(self._process.pid)
        if threads > MOST_THREADS:
            return f"{name}: starts more than {MOST_THREADS} threads"
        if mib > self._memory_mib.get(name, mib):
            return f"{name} needs too much memory"
        return None

    def stop(self) -> subprocess.Popen[bytes]:
        """Kill the process and its children; the caller must wait for the returned process."""
        process, self._process = self._process, None
        assert process is not None and process.stdout is not None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        self._close_pipes()
        self.ready = False
        return process

    def failure(self, reason: str) -> ToolsetError:
        """The error for a process that cannot load the toolset."""
        return ToolsetError(f"a worker cannot load toolset {self._toolset.name!r}: {reason}")

    def _close_pipes(self) -> None:
        os.close(self._requests)
        if self._second_reader is not None:
            os.close(self._second_reader)

    def _read_greeting(self, line: bytearray) -> None:
        expected = list(self._toolset.tool_names)
        try:
            greeting: dict[str, Any] = json.loads(line)
        except ValueError:  # a module of the toolset wrote to the pipe
            raise BrokenWorkerError(ended=False) from None
        if "error" in greeting:
            raise self.failure(greeting["error"])
        if greeting["tools"] != expected:
            raise self.failure(f"it has {greeting['tools']} instead of {expected}")
        self.ready, self.unconfined, self.failed_starts = True, greeting["unconfined"], 0

    def _read_reply(self, line: bytearray) -> tuple[Job, ToolResult, bool]:
        try:
            reply = json.loads(line)
            result = ToolResult(
                reply["ok"], reply["content"], reply.get("error_kind"), reply.get("state")
            )
            valid = reply["key"] == self.pending[0].key and _is_valid(result)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            valid = False
        if not valid:  # a function wrote it, so the process cannot be trusted any more
            raise BrokenWorkerError(ended=False)
        now = time.monotonic()
        self.busy_seconds += now - self.since
        self.since, self.window = now, min(2 * self.window, MOST_PACKETS)
        return self.pending.popleft(), result, bool(reply.get("last"))


def timed_out(name: str, seconds: float) -> ToolResult:
    """The result of a call of function `name` that exceeded its time limit."""
    return ToolResult(False, f"{name}: took longer than {seconds:g} s", "limit_exceeded")


def _is_valid(result: ToolResult) -> bool:
    return (
        isinstance(result.ok, bool)
        and isinstance(result.content, str)
        and result.error_kind in _KINDS
        and isinstance(result.state, dict | None)
    )


def _environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return passed | {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(entry) for entry in sys.path),
        "PYTHONHASHSEED": "0",  # so that a set in a result always has the same order
        "OPENBLAS_NUM_THREADS": "1",  # each thread uses address space
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",  # each arena uses address space
    }

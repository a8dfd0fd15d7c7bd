"""A worker process of the executor: `python -m toolsets.execution.pool.worker NAME SECONDS MIB
PARENT`.

Reads one call after another from standard input, writes one result per line, all JSON. The first
line contains the loaded functions, or the reason why loading failed, and what the kernel cannot
block (`toolsets.execution.sandbox.confinement`). The process ends at the end of its input.

Limits: SIGALRM after SECONDS of a call, SIGPROF after the same processor time; an address space
of the loaded toolset's size plus MIB, beyond which an allocation raises MemoryError. A tool's own
limits replace these. The executor kills a process that ignores them.
"""

from __future__ import annotations

import _thread
import ctypes
import importlib
import json
import os
import signal
import sys
from types import FrameType
from typing import Any

from toolsets.calls.model import ToolCall, ToolResult
from toolsets.catalog.load import load
from toolsets.catalog.toolset import Toolset
from toolsets.errors import ToolsetError
from toolsets.execution.pool.process import timed_out
from toolsets.execution.sandbox.confinement import confine
from toolsets.execution.sandbox.memory import Memory
from toolsets.execution.sandbox.processor_time import ProcessorTimer

MOST_CALLS = 100_000  # of one process; then a new one, in case calls leak resources
PR_SET_PDEATHSIG = 1  # linux/prctl.h


# Private instances, so that a function that patches `json` does not affect later calls.
_read = json.JSONDecoder().decode
_write = json.JSONEncoder().encode


class _Alarm(BaseException):
    """Not an Exception, so that `except Exception` in a function does not catch it."""


def main(name: str, seconds: float, memory_mib: int, parent: int) -> None:
    """Serve calls until standard input ends."""
    _end_with_parent(parent)
    requests, replies = _private_pipes()
    try:
        toolset = load(name)
    except Exception as error:  # a user's module may raise anything
        kind = "" if isinstance(error, ToolsetError) else f"{type(error).__name__}: "
        _send(replies, {"error": f"{kind}{error}"})
        return
    _import_libraries(toolset)
    if not toolset.unconfined:
        _end_children()
    worker = _Worker(toolset, seconds, memory_mib)
    unconfined = [] if toolset.unconfined else confine()
    _send(replies, {"tools": toolset.tool_names, "unconfined": unconfined})
    while request := _read_request(requests):
        reply = worker.answer(_read(request.decode()))
        _send(replies, reply)
        if "last" in reply:  # the executor starts a new process
            return


class _Worker:
    """Executes calls within their limits and checks whether the process can be reused."""

    def __init__(self, toolset: Toolset, seconds: float, memory_mib: int) -> None:
        self._toolset = toolset
        self._limits = {
            tool.name: (
                tool.limits.wall_clock_seconds or seconds,
                tool.limits.memory_mib or memory_mib,
            )
            for tool in toolset.tools
        }
        self._default = (seconds, memory_mib)
        most = max(memory for _, memory in self._limits.values())
        self._memory = Memory(memory_mib, None if toolset.unconfined else most)
        self._running = False
        self._calls = 0
        self._pid = os.getpid()
        self._threads = _thread._count()
        self._handler = self._raise_alarm
        for number in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(number, self._handler)
        self._processor = ProcessorTimer(signal.SIGPROF)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to a request; with "last" if this process must not run another call."""
        call = ToolCall(request["name"], request["arguments"], "", request.get("state"))
        result, interrupted = self._execute(call)
        reply = {"key": request["key"], "ok": result.ok, "content": result.content}
        if not result.ok:
            reply["error_kind"] = result.error_kind
        if result.state is not None:
            reply["state"] = result.state
        self._calls += 1
        if interrupted or not self._is_reusable():
            reply["last"] = True
        return reply

    def _execute(self, call: ToolCall) -> tuple[ToolResult, bool]:
        """The result of a call, and whether it was interrupted."""
        seconds, memory_mib = self._limits.get(call.name, self._default)
        self._memory.allow(memory_mib)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        self._processor.start(seconds)
        try:
            self._running = True
            try:
                return self._toolset.execute(call), False
            finally:
                self._running = False  # not stopping the timers is cheaper
        except _Alarm:
            return timed_out(call.name, seconds), True

    def _raise_alarm(self, number: int, frame: FrameType | None) -> None:
        if self._running:
            raise _Alarm

    def _is_reusable(self) -> bool:
        return (
            self._calls < MOST_CALLS
            and (self._toolset.unconfined or self._is_alone())
            and signal.getsignal(signal.SIGALRM) is self._handler
            and not self._memory.is_leaking()
        )

    def _is_alone(self) -> bool:
        """Whether no thread or child process of a call is still running."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:  # reap a child that ended
                pass
        except ChildProcessError:
            count = _thread._count()
            alone = count <= self._threads and os.getpid() == self._pid
            self._threads = min(self._threads, count)  # one of a module may end
            return alone
        return False


def _import_libraries(toolset: Toolset) -> None:
    """Import what functions import when first called: a call's time does not include it."""
    for tool in toolset.tools:
        room = getattr(tool.function, "__module__", "").rpartition(".")[0]
        for library in getattr(sys.modules.get(room), "LIBRARIES", ()):
            importlib.import_module(library)


def _end_children() -> None:
    """Kill what the toolset's modules started; through it, functions would leave the sandbox."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:  # there is none
        return
    import psutil

    children = psutil.Process().children(recursive=True)
    for child in children:
        child.kill()
    psutil.wait_procs(children, timeout=5)


def _private_pipes() -> tuple[int, int]:
    """Move input and output to new descriptors; functions then cannot reach them by 0 and 1."""
    requests, replies = os.dup(0), os.dup(1)
    devnull = os.open(os.devnull, os.O_RDONLY)
    os.dup2(devnull, 0)
    os.dup2(2, 1)
    os.close(devnull)
    return requests, replies


def _read_request(requests: int) -> bytes:
    """The next request; empty at the end of input."""
    request = os.read(requests, 2**16)
    while request and not request.endswith(b"\n"):  # a long one is several packets
        request += os.read(requests, 2**16)
    return request


def _send(replies: int, reply: dict[str, Any]) -> None:
    line = _write(reply).encode() + b"\n"
    while line:
        line = line[os.write(replies, line) :]


def _end_with_parent(parent: int) -> None:
    """Make the kernel kill this process when the thread that started it ends."""
    if sys.platform == "linux":  # elsewhere the process ends at the end of its input
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call of prctl
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

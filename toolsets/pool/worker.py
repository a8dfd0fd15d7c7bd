"""A worker process of the executor: `python -m toolsets.worker NAME SECONDS MEMORY_MIB PARENT`.

Reads one call per line from standard input, writes one result per line, both JSON. The first line
it writes says which functions it loaded, or why it could not. It ends with its input.

Limits: SIGALRM after SECONDS of a call; an address space of what the loaded toolset takes plus
MEMORY_MIB, beyond which an allocation raises MemoryError. The executor kills what ignores both.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from types import FrameType
from typing import Any, BinaryIO

from toolsets.call import ToolCall, ToolResult
from toolsets.errors import ToolsetError
from toolsets.process import timed_out
from toolsets.toolset import Toolset, load

MIB = 2**20
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class _Alarm(BaseException):
    """Not an Exception, so that no function catches it unawares."""


def main(name: str, seconds: float, memory_mib: int, parent: int) -> None:
    """Serve calls until standard input ends."""
    _die_with(parent)
    requests, replies = _private_pipes()
    try:
        toolset = load(name)
    except Exception as error:  # whatever a module of the user's own raises when imported
        kind = "" if isinstance(error, ToolsetError) else f"{type(error).__name__}: "
        _send(replies, error=f"{kind}{error}")
        return
    signal.signal(signal.SIGALRM, _raise_alarm)
    ordinary = _limit_memory(memory_mib) + memory_mib * MIB // 2
    _send(replies, tools=toolset.tool_names)
    for line in requests:
        call = ToolCall(**json.loads(line), raw="")
        result, interrupted = _execute(toolset, call, seconds)
        last = interrupted or _address_space() > ordinary
        _send(
            replies, ok=result.ok, content=result.content, error_kind=result.error_kind, last=last
        )
        if last:  # interrupted anywhere, or memory not given back: a new process is sound again
            return


def _execute(toolset: Toolset, call: ToolCall, seconds: float) -> tuple[ToolResult, bool]:
    """The result of a call, and whether it was interrupted."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            return toolset.execute(call), False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _Alarm:
        return timed_out(call.name, seconds), True


def _raise_alarm(number: int, frame: FrameType | None) -> None:
    raise _Alarm


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Input and output under numbers of our own; 0 and 1 are then free for what functions do."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, replies


def _send(replies: BinaryIO, **reply: Any) -> None:
    replies.write(json.dumps(reply).encode() + b"\n")
    replies.flush()


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when the thread that started it ends."""
    if sys.platform == "linux":  # elsewhere the end of input has to do
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)


def _limit_memory(mib: int) -> int:
    """Allow `mib` more than what is taken now, in bytes, which it returns."""
    taken = _address_space()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (taken + mib * MIB, taken + mib * MIB))
    return taken


def _address_space() -> int:
    """The size of this process's address space in bytes; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

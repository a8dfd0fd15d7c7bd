"""Helpers for the tests of the executor: build calls, run several at once, check processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from toolsets import Executor, ToolCall, ToolResult


def call(name: str, **arguments: object) -> ToolCall:
    return ToolCall(name, dict(arguments), raw="")


def together(executor: Executor, *calls: ToolCall) -> list[ToolResult]:
    """Submit all calls at once and return their results in this order."""

    async def gather() -> list[ToolResult]:
        return await asyncio.gather(*(executor.submit(one) for one in calls))

    return asyncio.run(gather())


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def state_of(pid: int) -> str:
    """The state letter of proc(5): R, S, T, …; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    return state_of(pid) not in ("", "Z")  # Z: dead, but not reaped yet

"""Helpers shared by the tests of the toolset `arithmetic`."""

from __future__ import annotations

import toolsets
from toolsets import ToolResult
from toolsets.errors import ErrorKind

ARITHMETIC = toolsets.load("arithmetic")


def result(text: str) -> ToolResult:
    """Parse and execute the call in `text` in this process."""
    return ARITHMETIC.execute(ARITHMETIC.parse(text))


def failure(message: str, kind: ErrorKind = "function_error") -> ToolResult:
    """The result of a failed call with `message`."""
    return ToolResult(False, message, kind)

"""What the tests of the toolset `arithmetic` share; not here: tests."""

from __future__ import annotations

import toolsets
from toolsets import ToolResult
from toolsets.errors import ErrorKind

ARITHMETIC = toolsets.load("arithmetic")


def result(text: str) -> ToolResult:
    """What the call in `text` comes to, in this process."""
    return ARITHMETIC.execute(ARITHMETIC.parse(text))


def failure(message: str, kind: ErrorKind = "function_error") -> ToolResult:
    """A result that tells the model `message`."""
    return ToolResult(False, message, kind)

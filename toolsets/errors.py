"""Errors of calls and toolsets.

    ValueError
    +-- ToolsetError      for the operator: a toolset cannot be built or loaded
    +-- CallError         for the model: `kind` and a message that says how to correct the call
    +-- LimitExceeded     raised by a function whose input or result is too large

A tool's function raises ValueError (or ZeroDivisionError, …) with a sentence for the model;
`Toolset.execute` turns every exception into a failed `ToolResult` with that sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

ErrorKind = Literal[
    "unparseable_call", "unknown_function", "bad_arguments", "function_error", "limit_exceeded"
]


class ToolsetError(ValueError):
    """A toolset cannot be built or loaded; the message names file, function and fix."""


class CallError(ValueError):
    """An invalid call; `kind` is its failure kind, the message is for the model."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind

    def __reduce__(self) -> tuple[type[CallError], tuple[str, str]]:
        return type(self), (self.kind, str(self))


class LimitExceeded(ValueError):
    """A function's input or result is larger than its limit."""


def shorten(text: str, longest: int) -> str:
    """Cut `text` to at most `longest` characters; a cut text ends with "..."."""
    return text if len(text) <= longest else text[: longest - 3] + "..."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most similar to `name`, or None if none is close."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)

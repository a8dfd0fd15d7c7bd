"""What can go wrong with a call or a toolset.

    ValueError
    +-- ToolsetError      for the operator: a toolset that cannot be built or found
    +-- CallError         for the model: `kind` and a message that helps it mend the call
    +-- LimitExceeded     raised by a function whose input or result is too large

A function of a toolset raises ValueError (or ZeroDivisionError, …) with a sentence for the model;
`Toolset.execute` turns whatever it raises into a `ToolResult` that says so.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

ErrorKind = Literal[
    "unparseable_call", "unknown_function", "bad_arguments", "function_error", "limit_exceeded"
]


class ToolsetError(ValueError):
    """A toolset cannot be built or found; the message names file, function and mend."""


class CallError(ValueError):
    """A call that cannot be made; `kind` is its failure kind, the message is for the model."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind

    def __reduce__(self) -> tuple[type[CallError], tuple[str, str]]:
        return type(self), (self.kind, str(self))


class LimitExceeded(ValueError):
    """An input or a result is larger than a function may handle."""


def shorten(text: str, longest: int) -> str:
    """`text` cut to `longest` characters, with dots where it was longer."""
    return text if len(text) <= longest else text[: longest - 3] + "..."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, if any is close."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)

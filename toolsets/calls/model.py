"""A call, as written and as bound, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from toolsets.errors import ErrorKind


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one function.

    `arguments` are JSON values by parameter name; `raw` is the text exactly as the model wrote it.
    `state` is what the chain carries into the call; the model did not write it, so that two calls
    are equal whatever their states.
    """

    name: str
    arguments: dict[str, Any]
    raw: str
    state: dict[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call came to; `content` is what the model reads, `error_kind` is None where ok.

    `state` is what the chain carries on, where the function keeps state; else None.
    """

    ok: bool
    content: str
    error_kind: ErrorKind | None = None
    state: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call as written, not yet bound to a function's parameters."""

    name: str
    positional: tuple[Any, ...]
    keywords: dict[str, Any]

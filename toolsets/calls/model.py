"""A call as written, a call as bound, and the result of a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from toolsets.errors import ErrorKind


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one function.

    `arguments` are JSON values by parameter name; `raw` is the text exactly as the model wrote it.
    `state` is the chain's state before the call. The model did not write it, so it does not count
    when calls are compared.
    """

    name: str
    arguments: dict[str, Any]
    raw: str
    state: dict[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a call; `content` is the text for the model, `error_kind` is None if `ok`.

    `state` is the chain's state after the call, or None if the function keeps no state.
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


class RawText(str):
    """An argument without quotes, as in XML: a text, a number or JSON, as the parameter's type."""

    __slots__ = ()

"""Run a tool's function in this process, with the chain's state, and write its result as text.

Not here: processes and their limits (`toolsets.execution.executor`).
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from pydantic import BaseModel

from toolsets.calls.model import ToolResult
from toolsets.errors import LimitExceeded, shorten
from toolsets.tools.numbers import write_number
from toolsets.tools.tool import Tool

LONGEST_OUTPUT = 10_000  # characters
LONGEST_STATE = 100_000  # characters of JSON
LONGEST_ERROR = 1_000  # characters


def run(tool: Tool, values: dict[str, Any], state: dict[str, Any] | None) -> ToolResult:
    """Call the function with `values`; every exception becomes a failed ToolResult.

    A function that keeps state gets a copy of `state`; the result has the changed copy.
    """
    after = None
    if tool.state_parameter is not None:
        after = copy.deepcopy(state or {})
        values = values | {tool.state_parameter: after}
    try:
        content = _as_text(_call(tool, values))
        _check_state(after)
    except LimitExceeded as error:
        return ToolResult(False, f"{tool.name}: {error}", "limit_exceeded")
    except MemoryError:
        return ToolResult(False, f"{tool.name} needs too much memory", "limit_exceeded")
    except Exception as error:  # executor boundary: functions may raise anything
        message = f"{tool.name}: {shorten(_error_text(error), LONGEST_ERROR)}"
        return ToolResult(False, message, "function_error")
    longest = tool.limits.output_characters or LONGEST_OUTPUT
    if len(content) > longest:
        message = f"{tool.name}: the result is longer than {longest:,} characters"
        return ToolResult(False, message, "limit_exceeded")
    return ToolResult(True, content, state=after)


def _call(tool: Tool, values: dict[str, Any]) -> Any:
    value = tool.function(**values)
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def _check_state(state: dict[str, Any] | None) -> None:
    """Raise unless the state survives a round trip through JSON unchanged."""
    if state is None:
        return
    try:
        text = json.dumps(state, allow_nan=False)
        same = json.loads(text) == state
    except (TypeError, ValueError, RecursionError):
        same, text = False, ""
    if not same:
        raise ValueError("the state must hold JSON values only: no tuples, sets or objects")
    if len(text) > LONGEST_STATE:
        raise LimitExceeded(f"the state is longer than {LONGEST_STATE:,} characters")


def _error_text(error: Exception) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # executor boundary: str() of an error may fail
        return type(error).__name__


def _as_text(value: Any, quote: Callable[[str], str] = str) -> str:
    """A value as text for the model: numbers as decimals, strings in dicts quoted."""
    match value:
        case Fraction():
            return write_number(value)
        case Enum():
            return _as_text(value.value, quote)
        case list() | tuple():
            return f"[{', '.join(_as_text(item, quote) for item in value)}]"
        case dict():
            return f"{{{', '.join(f'{key!r}: {_as_text(v, repr)}' for key, v in value.items())}}}"
        case BaseModel():
            return _as_text({name: getattr(value, name) for name in type(value).model_fields})
        case str():
            return quote(value)
    if is_dataclass(value) and type(value).__str__ is object.__str__:  # else use its own __str__
        return _as_text({field.name: getattr(value, field.name) for field in fields(value)})
    return str(value)

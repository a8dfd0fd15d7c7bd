"""A tool's function run in this process: its state in and out, and what the model reads of it.

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
LONGEST_COMPLAINT = 1_000  # characters


def run(tool: Tool, values: dict[str, Any], state: dict[str, Any] | None) -> ToolResult:
    """Call the function with `values`; whatever it raises becomes a ToolResult.

    A function that keeps state gets a copy of `state` and the result carries what it made of it.
    """
    after = None
    if tool.state_parameter is not None:
        after = copy.deepcopy(state or {})
        values = values | {tool.state_parameter: after}
    try:
        content = _write(_call(tool, values))
        _check_state(after)
    except LimitExceeded as error:
        return ToolResult(False, f"{tool.name}: {error}", "limit_exceeded")
    except MemoryError:
        return ToolResult(False, f"{tool.name} needs too much memory", "limit_exceeded")
    except Exception as error:  # the executor's boundary: any function, any error
        message = f"{tool.name}: {shorten(_say(error), LONGEST_COMPLAINT)}"
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
    """Raise where a state would not come back the same from JSON."""
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


def _say(error: Exception) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # still the boundary: an error may be unable to say itself
        return type(error).__name__


def _write(value: Any, quote: Callable[[str], str] = str) -> str:
    """A value as the model reads it: numbers as numbers, and texts quoted where they are named."""
    match value:
        case Fraction():
            return write_number(value)
        case Enum():
            return _write(value.value, quote)
        case list() | tuple():
            return f"[{', '.join(_write(item, quote) for item in value)}]"
        case dict():
            return f"{{{', '.join(f'{key!r}: {_write(v, repr)}' for key, v in value.items())}}}"
        case BaseModel():
            return _write({name: getattr(value, name) for name in type(value).model_fields})
        case str():
            return quote(value)
    if is_dataclass(value) and type(value).__str__ is object.__str__:  # else it says itself
        return _write({field.name: getattr(value, field.name) for field in fields(value)})
    return str(value)

"""Run a tool's function in this process, with the chain's state.

Not here: the text of its result (`toolsets.tools.writing`), processes and their limits
(`toolsets.execution.executor`).
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
from typing import Any

from toolsets.calls.model import ToolResult
from toolsets.errors import LimitExceeded, shorten
from toolsets.tools.tool import Tool
from toolsets.tools.writing import as_text, readable

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
        content = readable(as_text(_call(tool, values)))
        _check_state(after)
    except LimitExceeded as error:
        return ToolResult(False, f"{tool.name}: {error}", "limit_exceeded")
    except MemoryError:
        return ToolResult(False, f"{tool.name} needs too much memory", "limit_exceeded")
    except Exception as error:  # executor boundary: functions may raise anything
        message = f"{tool.name}: {shorten(_error_text(error), LONGEST_ERROR)}"
        return ToolResult(False, readable(message), "function_error")
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

"""Run calls written as text; shared by the tests of the shipped toolsets."""

from __future__ import annotations

from toolsets import CallError, ToolResult, Toolset


def result(toolset: Toolset, text: str) -> ToolResult:
    """Parse and execute a call in this process."""
    return toolset.execute(toolset.parse(text))


def failure(toolset: Toolset, text: str) -> tuple[str, str]:
    """The error kind and message of a call that fails in parsing or in execution."""
    try:
        failed = result(toolset, text)
    except CallError as error:
        return error.kind, str(error)
    assert not failed.ok, failed
    return str(failed.error_kind), failed.content

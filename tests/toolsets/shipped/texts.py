"""What tests of the shipped toolsets share: calls as a model writes them."""

from __future__ import annotations

from toolsets import CallError, ToolResult, Toolset


def result(toolset: Toolset, text: str) -> ToolResult:
    """What a call written as `text` comes to, in this process."""
    return toolset.execute(toolset.parse(text))


def refusal(toolset: Toolset, text: str) -> tuple[str, str]:
    """The kind and the message, whether the arguments or the function refuse."""
    try:
        found = result(toolset, text)
    except CallError as error:
        return error.kind, str(error)
    assert not found.ok, found
    return str(found.error_kind), found.content

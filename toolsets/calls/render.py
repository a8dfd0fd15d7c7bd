"""Write a call as text."""

from __future__ import annotations

from typing import Any

from toolsets.calls.readings import protect


def render_call(name: str, arguments: dict[str, Any]) -> str:
    """The text of a call; `parse_call` returns the same name and arguments."""
    return (
        f"{name}({', '.join(f'{key}={protect(repr(value))}' for key, value in arguments.items())})"
    )

"""Replies that are a JSON list of content parts: texts, thoughts and calls, as APIs return them."""

from __future__ import annotations

import json
from typing import Any


def text_of_parts(text: str) -> str:
    """The text of a reply that is a list of content parts, without thoughts; others unchanged."""
    if not (text.startswith("[") and '"type"' in text):
        return text
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in parts):
        return text
    if not any(isinstance(part.get("text"), str) for part in parts):
        return text
    return "\n".join(_part_text(part) for part in parts)


def _part_text(part: dict[str, Any]) -> str:
    if part["type"] in ("thinking", "reasoning", "redacted_thinking"):
        return ""
    text = part.get("text")
    return text if isinstance(text, str) else json.dumps(part)

"""A row of problem data and how its fields are read.

Whatever is wrong with a row raises BadRow, whose message names the field, what came and what is
expected; it becomes the reason of a reject.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline.records import Problem

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "validation", "valid", "val", "dev", "eval"), "test"),
    "ood": "ood",
}
"""What data calls its splits -> what we do; there is no third split, so validation is held out."""

Values = Mapping[str, Any]


class BadRow(ValueError):
    """A row that cannot be used; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a container yields it: 1-based line or row number, its fields, its text.

    `reason` is not empty where the container itself could not read it; `values` are empty then.
    `split` is the container's, empty where it has none.
    """

    line: int
    values: Values
    text: str = ""
    split: str = ""
    reason: str = ""

    @property
    def written(self) -> str:
        """The row as text, for a reject."""
        return self.text or json.dumps(dict(self.values), ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class RowFormat:
    """A format: whether a row speaks for it, and how a row becomes a problem.

    `read` gives a Problem whose split is empty where the row has none; it raises BadRow.
    """

    name: str
    matches: Callable[[Values], bool]
    read: Callable[[Values], Problem]


def text_field(values: Values, field: str) -> str:
    """The stripped, non-empty text of a field."""
    if field not in values:
        names = ", ".join(map(str, values)) or "nothing"
        raise BadRow(f"field {field} is missing; the row has: {names}")
    text = _text(values[field], field).strip()
    if not text:
        raise BadRow(f"field {field} is empty")
    return text


def scalar_field(values: Values, field: str) -> str:
    """Like `text_field`, but a number or a boolean is taken as its text."""
    value = values.get(field)
    if not isinstance(value, int | float | Decimal):
        return text_field(values, field)
    if not math.isfinite(value):
        raise BadRow(f"field {field} is {value}, expected a finite number")
    return str(value)


def optional_field(values: Values, field: str) -> str:
    """Like `scalar_field`; empty where the field is absent, null or blank."""
    value = values.get(field)
    absent = value is None or (isinstance(value, str) and not value.strip())
    return "" if absent else scalar_field(values, field)


def lines_field(values: Values, field: str) -> tuple[str, ...]:
    """The non-blank texts of a field that is a list of texts, or one text with a line for each."""
    value = values.get(field)
    if value is None:
        return ()
    entries = value if isinstance(value, list | tuple) else _text(value, field).splitlines()
    return tuple(text for entry in entries if (text := _text(entry, field).strip()))


def split_field(values: Values) -> str:
    """The row's own split in our words, empty where it has none."""
    return known_split(optional_field(values, "split"))


def known_split(name: str) -> str:
    """Our word for a split; an empty name stays empty."""
    if name and name.lower() not in SPLITS:
        raise BadRow(f"split is {name!r}, expected one of {', '.join(SPLITS)}")
    return SPLITS[name.lower()] if name else ""


def problem_id(values: Values, prefix: str, question: str) -> str:
    """The data's own id (`problem_id` or `id`), else one that depends on the question alone."""
    own = optional_field(values, "problem_id") or optional_field(values, "id")
    return own or f"{prefix}-{hashlib.sha256(question.encode()).hexdigest()[:12]}"


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise BadRow(f"field {field} must be text, got {_kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRow(f"field {field} holds half a surrogate pair, which is no text") from None
    return value


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float() | Decimal():
            return "a number"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
    return type(value).__name__

"""A row of problem data, and functions that read its fields.

Every error in a row raises BadRow. Its message names the field, the value and what is expected, and
becomes the reason of a reject.
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
"""Split names in data -> our splits. We have no validation split; it becomes "test"."""

Values = Mapping[str, Any]


class ProblemError(ValueError):
    """No problems can be read; the message is one sentence for the operator."""


class BadRow(ValueError):
    """A row that cannot be used; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The value of a column that is not decoded, such as an Image."""

    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row from a container: 1-based line or row number, fields, source text.

    If the container cannot read the row, `reason` says why and `values` is empty. `split` is the
    split of the container; empty if it has none. `file` names the file if there are several.
    `only_test`: the file is that of `problems.test_path`.
    """

    line: int
    values: Values
    text: str = ""
    split: str = ""
    reason: str = ""
    file: str = ""
    only_test: bool = False

    @property
    def as_text(self) -> str:
        """The row as text, for a reject."""
        return self.text or json.dumps(dict(self.values), ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class RowFormat:
    """A format: `matches` detects its rows, `read` converts a row to a Problem or raises BadRow.

    The problem's split is empty if the row has none.
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
    """Like `text_field`, but numbers and booleans are converted to text."""
    value = values.get(field)
    if not isinstance(value, int | float | Decimal):
        return text_field(values, field)
    finite = value.is_finite() if isinstance(value, Decimal) else True
    if not finite or (isinstance(value, float) and not math.isfinite(value)):
        raise BadRow(f"field {field} is {value}, expected a finite number")
    return str(value)


def optional_field(values: Values, field: str) -> str:
    """Like `scalar_field`; empty if the field is absent, null or blank."""
    value = values.get(field)
    absent = value is None or (isinstance(value, str) and not value.strip())
    return "" if absent else scalar_field(values, field)


def lines_field(values: Values, field: str) -> tuple[str, ...]:
    """The non-blank entries of a list of texts, or the non-blank lines of one text."""
    value = values.get(field)
    if value is None:
        return ()
    entries = value if isinstance(value, list | tuple) else _text(value, field).splitlines()
    return tuple(text for entry in entries if (text := _text(entry, field).strip()))


def split_field(values: Values) -> str:
    """Our name for the row's split; empty if it has none."""
    return known_split(optional_field(values, "split"))


def known_split(name: str) -> str:
    """Our name for a split; empty for an empty name."""
    if name and name.lower() not in SPLITS:
        raise BadRow(f"split is {name!r}, expected one of {', '.join(SPLITS)}")
    return SPLITS[name.lower()] if name else ""


def problem_id(values: Values, prefix: str, question: str) -> str:
    """The id in the data (`problem_id` or `id`), else a hash of the question."""
    own = optional_field(values, "problem_id") or optional_field(values, "id")
    return own or f"{prefix}-{hashlib.sha256(question.encode()).hexdigest()[:12]}"


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise BadRow(f"field {field} must be text, got {_kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRow(f"field {field} contains a lone surrogate, so it is not valid text") from None
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
        case Unread():
            return f"data of type {value.kind}"
    return type(value).__name__

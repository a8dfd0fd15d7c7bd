"""Our fields from the columns of the data, as `problems.columns` maps them.

{question: prompt}              another name
{question: [Body, Question]}    texts joined by a space, list fields by appending their entries
{split: null}                   the data's column of that name is not used
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.problems.formats.row import BadRow, Values, lines_field, optional_field

LINES = ("premises", "premises-FOL", "reference")  # fields of several lines

Columns = Mapping[str, str | Sequence[str] | None]


def mapped_fields(values: Values, columns: Columns) -> Values:
    """The row under our field names; raises BadRow for joined columns that are no texts.

    A mapped field is absent if one of its columns is absent, even if the row has a column of the
    field's name.
    """
    if not columns:
        return values
    fields = {name: value for name, value in values.items() if name not in columns}
    for ours, theirs in columns.items():
        if isinstance(theirs, str):
            if theirs in values:
                fields[ours] = values[theirs]
        elif theirs and all(name in values for name in theirs):
            fields[ours] = _joined(values, ours, theirs)
    return fields


def group_field(values: Values, column: str) -> str:
    """The row's group, from the column that `problems.group` names; empty if it is blank."""
    if column not in values:
        names = ", ".join(map(str, values)) or "nothing"
        raise BadRow(f"column {column} of problems.group is missing; the row has: {names}")
    return optional_field(values, column)


def _joined(values: Values, ours: str, theirs: Sequence[str]) -> Any:
    if ours in LINES:
        return [line for name in theirs for line in lines_field(values, name)]
    return " ".join(filter(None, (optional_field(values, name) for name in theirs)))

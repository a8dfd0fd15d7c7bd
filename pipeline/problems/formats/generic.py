"""User data: `question` and `answer`; optional `problem_id` (or `id`), `task`, `split`,
`reference`.

An answer may be a number or a boolean; all other fields are text. A reference is a list of texts or
one text, which is read as its `<<...>>` annotations if it has any, else as its lines.

Not here: other names for these fields (`columns` of `pipeline.problems.reader.read_problems`).
"""

from __future__ import annotations

from pipeline.problems.formats.gsm8k import calculations
from pipeline.problems.formats.row import (
    RowFormat,
    Values,
    lines_field,
    optional_field,
    problem_id,
    scalar_field,
    split_field,
    text_field,
)
from pipeline.records import Problem

FIELDS = ("question", "answer", "problem_id", "split", "task", "reference")


def read(values: Values) -> Problem:
    """Convert a row to a problem; raises BadRow."""
    question = text_field(values, "question")
    return Problem(
        problem_id=problem_id(values, "problem", question),
        task=optional_field(values, "task") or "generic",
        question=question,
        answer=scalar_field(values, "answer"),
        split=split_field(values),
        reference=_reference(values),
    )


def _reference(values: Values) -> tuple[str, ...]:
    lines = lines_field(values, "reference")
    return calculations("\n".join(lines)) or lines


FORMAT = RowFormat("generic", lambda values: True, read)

"""One's own problems: `question` and `answer`, and where the data has them `problem_id` (or `id`),
`task`, `split` and `reference`.

An answer may be a number or a boolean; everything else is text. A reference is a list of texts, or
one text: its `<<...>>` annotations where it has any, else its lines.

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
    """The problem of a row; raises BadRow."""
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

"""FOLIO (arXiv 2209.00840) and user data with the same fields: logic in natural language.

Premises and conclusion become one question; the label becomes the answer, with Unknown as
Uncertain. The reference is the text of the premises' formulas, followed by the conclusion's formula
if the row has one. Blank premises and blank formulas, which FOLIO contains, are dropped, so they
may not correspond one to one. A formula that cannot be repaired makes the row bad. Examples of one
story (`story_id`), else of the same premises, are one group.

Not here: parsing of formulas (`pipeline.problems.reference.formulas`), other names for these fields
(`columns` of `pipeline.problems.reader.read_problems`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pipeline.problems.formats.row import (
    BadRow,
    RowFormat,
    Values,
    lines_field,
    optional_field,
    problem_id,
    scalar_field,
    split_field,
    text_field,
)
from pipeline.problems.reference.formulas import CONCLUSION, logic_question, read_formula
from pipeline.records import Problem

FIELDS = ("premises", "conclusion", "label", "premises-FOL", "conclusion-FOL")
LABELS = {"true": "True", "false": "False", "unknown": "Uncertain", "uncertain": "Uncertain"}


def matches(values: Values) -> bool:
    """Whether the row has premises and a conclusion or a label."""
    return "premises" in values and not values.keys().isdisjoint(("conclusion", "label"))


def read(values: Values) -> Problem:
    """Convert a row to a problem; raises BadRow."""
    premises = lines_field(values, "premises")
    if not premises:
        raise BadRow("field premises is missing or empty")
    question = logic_question(premises, text_field(values, "conclusion"))
    label = scalar_field(values, "label")
    if label.lower() not in LABELS:
        raise BadRow(f"label is {label!r}, expected True, False, Unknown or Uncertain")
    example = optional_field(values, "example_id")
    return Problem(
        problem_id=f"folio-{example}" if example else problem_id(values, "folio", question),
        task="logic",
        question=question,
        answer=LABELS[label.lower()],
        split=split_field(values),
        reference=(*_premise_formulas(values), *_conclusion_formula(values)),
        group=_group(values, premises),
    )


def _group(values: Values, premises: Sequence[str]) -> str:
    """The problem's story; without a column of stories, its exact premises."""
    if story := optional_field(values, "story_id"):
        return f"folio-story-{story}"
    return f"premises-{hashlib.sha256(chr(10).join(premises).encode()).hexdigest()[:12]}"


def _premise_formulas(values: Values) -> tuple[str, ...]:
    return tuple(_checked("premises-FOL", text) for text in lines_field(values, "premises-FOL"))


def _conclusion_formula(values: Values) -> tuple[str, ...]:
    formula = optional_field(values, "conclusion-FOL")
    return (CONCLUSION + _checked("conclusion-FOL", formula),) if formula else ()


def _checked(field: str, formula: str) -> str:
    if error := read_formula(formula).error:
        raise BadRow(f"field {field}: the formula {formula!r} cannot be read, {error}")
    return formula


FORMAT = RowFormat("folio", matches, read)

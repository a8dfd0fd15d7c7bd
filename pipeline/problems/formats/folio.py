"""FOLIO (arXiv 2209.00840), and one's own problems of the same fields: logic in natural language.

Premises and a conclusion become one question; the label is the answer, Unknown being Uncertain. The
premises' formulas are the reference, as text, and behind them the conclusion's, where there is one.
Blank premises and blank formulas, which the data has, are dropped, so the two need not correspond
one to one. A formula that no repair makes readable is a bad row.

Not here: reading formulas (`pipeline.problems.reference.formulas`), other names for these fields
(`columns` of `pipeline.problems.reader.read_problems`).
"""

from __future__ import annotations

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
    """Whether the row has premises, and a conclusion or a label."""
    return "premises" in values and not values.keys().isdisjoint(("conclusion", "label"))


def read(values: Values) -> Problem:
    """The problem of a row; raises BadRow."""
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
        reference=(*_premises(values), *_concluded(values)),
    )


def _premises(values: Values) -> tuple[str, ...]:
    return tuple(_readable("premises-FOL", text) for text in lines_field(values, "premises-FOL"))


def _concluded(values: Values) -> tuple[str, ...]:
    formula = optional_field(values, "conclusion-FOL")
    return (CONCLUSION + _readable("conclusion-FOL", formula),) if formula else ()


def _readable(field: str, formula: str) -> str:
    if error := read_formula(formula).error:
        raise BadRow(f"field {field}: the formula {formula!r} cannot be read, {error}")
    return formula


FORMAT = RowFormat("folio", matches, read)

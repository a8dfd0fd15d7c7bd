"""FOLIO (arXiv 2209.00840): first-order logic in natural language.

Premises and a conclusion become one question; the label is the answer, Unknown being Uncertain. The
premises' formulas are the reference, as text, and behind them the conclusion's, where there is one.
Blank premises and blank formulas, which the data has, are dropped, so the two need not correspond
one to one.

Not here: reading formulas (`pipeline.formulas`).
"""

from __future__ import annotations

from pipeline.formats.row import (
    BadRow,
    RowFormat,
    Values,
    lines_field,
    optional_field,
    problem_id,
    split_field,
    text_field,
)
from pipeline.formulas import CONCLUSION
from pipeline.records import Problem

LABELS = {"true": "True", "false": "False", "unknown": "Uncertain", "uncertain": "Uncertain"}


def matches(values: Values) -> bool:
    """Whether the row has FOLIO's three fields."""
    return {"premises", "conclusion", "label"} <= values.keys()


def read(values: Values) -> Problem:
    """The problem of a row; raises BadRow."""
    premises = lines_field(values, "premises")
    if not premises:
        raise BadRow("field premises is missing or empty")
    question = folio_question(premises, text_field(values, "conclusion"))
    label = text_field(values, "label")
    if label.lower() not in LABELS:
        raise BadRow(f"label is {label!r}, expected True, False, Unknown or Uncertain")
    example = optional_field(values, "example_id")
    return Problem(
        problem_id=f"folio-{example}" if example else problem_id(values, "folio", question),
        task="logic",
        question=question,
        answer=LABELS[label.lower()],
        split=split_field(values),
        reference=(*lines_field(values, "premises-FOL"), *_concluded(values)),
    )


def _concluded(values: Values) -> tuple[str, ...]:
    formula = optional_field(values, "conclusion-FOL")
    return (CONCLUSION + formula,) if formula else ()


def folio_question(premises: tuple[str, ...], conclusion: str) -> str:
    """The question as a model reads it."""
    listed = "\n".join(premises)
    ask = "Is the conclusion True, False or Uncertain?"
    return f"Premises:\n{listed}\nConclusion: {conclusion}\n{ask}"


FORMAT = RowFormat("folio", matches, read)

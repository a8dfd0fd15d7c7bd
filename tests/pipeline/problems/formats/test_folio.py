"""Rows of FOLIO: the question, the label, and the formulas as the reference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.problems.formats.folio import LABELS, matches, read
from pipeline.problems.formats.row import BadRow

ROW: dict[str, Any] = {
    "premises": ["All cats purr.", "Tom is a cat."],
    "conclusion": "Tom purrs.",
    "label": "True",
}
FORMULAS = ["∀x (Cat(x) → Purrs(x))", "Cat(tom)"]
WORDS = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1)


def test_a_row_becomes_a_question() -> None:
    row = {"premises": ["All cats purr.", "", "Tom is a cat. "], "conclusion": "Tom purrs."}
    row |= {"premises-FOL": [FORMULAS[0], "", FORMULAS[1]], "label": "Unknown"}
    problem = read(row)
    assert problem.question == (
        "Premises:\nAll cats purr.\nTom is a cat.\nConclusion: Tom purrs.\n"
        "Is the conclusion True, False or Uncertain?"
    )
    assert (problem.task, problem.answer, problem.split) == ("logic", "Uncertain", "")
    assert problem.reference == tuple(FORMULAS)
    assert problem.problem_id.startswith("folio-")


def test_the_id_is_folios_own_the_rows_own_or_a_hash() -> None:
    assert read(ROW | {"example_id": 1131, "id": "b"}).problem_id == "folio-1131"
    assert read(ROW | {"id": "b"}).problem_id == "b"
    other = ROW | {"conclusion": "Tom does not purr."}
    assert read(ROW).problem_id == read(dict(ROW)).problem_id != read(other).problem_id


def test_the_conclusions_formula_ends_the_reference() -> None:
    row = ROW | {"premises-FOL": "\n".join(FORMULAS), "conclusion-FOL": "Purrs(tom)"}
    assert read(row).reference == (*FORMULAS, "⊢ Purrs(tom)")
    assert read(ROW | {"conclusion-FOL": " "}).reference == ()


def test_a_formula_that_can_be_repaired_is_kept_as_written() -> None:
    assert read(ROW | {"premises-FOL": ["Cat(tom"]}).reference == ("Cat(tom",)


@pytest.mark.parametrize(
    ("label", "answer"),
    [("true", "True"), (False, "False"), ("UNKNOWN", "Uncertain"), ("Uncertain", "Uncertain")],
)
def test_a_label_becomes_one_of_three_answers(label: object, answer: str) -> None:
    assert read(ROW | {"label": label}).answer == answer


def test_a_row_is_recognised_by_premises_with_a_conclusion_or_a_label() -> None:
    assert matches({"premises": [], "label": "True"})
    assert matches({"premises": [], "conclusion": "Tom purrs."})
    assert not matches({"premises": []})
    assert not matches({"conclusion": "Tom purrs.", "label": "True"})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            ROW | {"label": "Perhaps"},
            "label is 'Perhaps', expected True, False, Unknown or Uncertain",
        ),
        (ROW | {"label": None}, "field label must be text, got null"),
        (
            {"premises": ["All cats purr."], "label": "True"},
            "field conclusion is missing; the row has: premises, label",
        ),
        (ROW | {"premises": ["", " "]}, "field premises is missing or empty"),
        (
            ROW | {"premises-FOL": ["Cat(tom)", "Cat(tom) → → Purrs(tom)"]},
            "field premises-FOL: the formula 'Cat(tom) → → Purrs(tom)' cannot be read, "
            "column 12: expected a formula, got →",
        ),
        (
            ROW | {"conclusion-FOL": "→ Purrs(tom)"},
            "field conclusion-FOL: the formula '→ Purrs(tom)' cannot be read, "
            "column 1: expected a formula, got →",
        ),
    ],
)
def test_a_bad_row_is_refused_with_the_reason(row: dict[str, object], reason: str) -> None:
    with pytest.raises(BadRow) as raised:
        read(row)
    assert str(raised.value) == reason


@given(st.lists(WORDS, min_size=1, max_size=5), WORDS, st.sampled_from([*LABELS]))
def test_premises_and_conclusion_stand_in_the_question_in_order(
    premises: list[str], conclusion: str, label: str
) -> None:
    problem = read({"premises": premises, "conclusion": conclusion, "label": label})
    first, *lines, asked, last = problem.question.split("\n")
    assert (first, lines, asked) == ("Premises:", premises, f"Conclusion: {conclusion}")
    assert problem.answer in last
    assert problem.reference == ()

"""Rows of user data: a question, an answer, and optional fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.problems.formats.generic import FORMAT, read
from pipeline.problems.formats.row import BadRow
from pipeline.records import Problem

ROW = {"question": "What is 2 + 1?", "answer": 3}


def test_question_and_answer_are_enough() -> None:
    # printf 'What is 2 + 1?' | sha256sum
    assert read(ROW) == Problem("problem-68294df6725f", "generic", "What is 2 + 1?", "3", "")


def test_optional_fields_are_read() -> None:
    row = {"question": "Is 2 even?", "answer": True, "id": 7, "task": "parity", "split": "dev"}
    assert read(row) == Problem("7", "parity", "Is 2 even?", "True", "test")


@pytest.mark.parametrize(
    "reference",
    [["1+1=2", "2+1=3"], "1+1=2\n\n2+1=3", "So <<1+1=2>>2, and <<2+1=3>>3."],
    ids=["a list", "lines", "annotated prose"],
)
def test_a_reference_may_be_a_list_lines_or_annotated_prose(reference: object) -> None:
    assert read(ROW | {"reference": reference}).reference == ("1+1=2", "2+1=3")


def test_annotations_of_a_list_are_read_from_all_its_entries() -> None:
    listed = ["First <<1+1=2>>2.", "no calculation", "Then <<2+1=3>>3."]
    assert read(ROW | {"reference": listed}).reference == ("1+1=2", "2+1=3")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"answer": "3"}, "field question is missing; the row has: answer"),
        (ROW | {"question": 3}, "field question must be text, got a number"),
        (ROW | {"answer": " "}, "field answer is empty"),
        (ROW | {"answer": None}, "field answer must be text, got null"),
        (ROW | {"task": ["parity"]}, "field task must be text, got a list"),
        (ROW | {"reference": ["1+1=2", 3]}, "field reference must be text, got a number"),
    ],
)
def test_a_bad_row_is_refused_with_the_field_and_the_reason(
    row: dict[str, object], reason: str
) -> None:
    with pytest.raises(BadRow) as raised:
        read(row)
    assert str(raised.value) == reason


def test_every_row_may_be_of_this_format() -> None:
    assert FORMAT.matches({})


@given(st.text(min_size=1), st.text(min_size=1) | st.integers(-(10**9), 10**9) | st.booleans())
def test_question_and_answer_are_kept_as_written(question: str, answer: object) -> None:
    row = {"question": question, "answer": answer}
    if not question.strip() or not str(answer).strip():
        with pytest.raises(BadRow, match=r" is empty$"):
            read(row)
        return
    problem = read(row)
    assert (problem.question, problem.answer) == (question.strip(), str(answer).strip())

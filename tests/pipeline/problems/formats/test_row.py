"""Fields of a row: what is read, and the one sentence that rejects the rest."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.problems.formats.row import (
    SPLITS,
    BadRow,
    Row,
    known_split,
    lines_field,
    optional_field,
    problem_id,
    scalar_field,
    split_field,
    text_field,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_text_is_stripped() -> None:
    assert text_field({"question": " How many?\n"}, "question") == "How many?"


def test_a_missing_field_is_named_with_the_fields_that_the_row_has() -> None:
    with pytest.raises(BadRow) as raised:
        text_field({"prompt": "How many?", "id": 1}, "question")
    assert str(raised.value) == "field question is missing; the row has: prompt, id"
    with pytest.raises(BadRow, match=r"the row has: nothing$"):
        text_field({}, "question")


def test_a_blank_text_is_refused() -> None:
    with pytest.raises(BadRow, match=r"^field question is empty$"):
        text_field({"question": " \n\t"}, "question")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "a boolean"),
        (3, "a number"),
        (Decimal("0.5"), "a number"),
        ([], "a list"),
        ({}, "an object"),
        (b"text", "bytes"),
    ],
)
def test_the_reason_for_a_value_that_is_not_text_names_its_type(value: object, kind: str) -> None:
    with pytest.raises(BadRow, match=f"^field question must be text, got {kind}$"):
        text_field({"question": value}, "question")


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(BadRow, match=r"^field question contains a lone surrogate, so it is not "):
        text_field({"question": "half \ud800?"}, "question")


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (0.5, "0.5"), (Decimal("1.20"), "1.20"), (True, "True"), (" 72 ", "72")],
)
def test_a_number_or_a_boolean_becomes_text(value: object, text: str) -> None:
    assert scalar_field({"answer": value}, "answer") == text


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), Decimal("Infinity")])
def test_a_number_that_is_not_finite_is_refused(value: object) -> None:
    with pytest.raises(BadRow, match=r"^field answer is .+, expected a finite number$"):
        scalar_field({"answer": value}, "answer")


@pytest.mark.parametrize("values", [{}, {"task": None}, {"task": " "}])
def test_an_optional_field_may_be_absent_null_or_blank(values: dict[str, object]) -> None:
    assert optional_field(values, "task") == ""


def test_an_optional_field_of_another_type_is_refused() -> None:
    assert optional_field({"task": 0}, "task") == "0"  # a number, so not absent
    with pytest.raises(BadRow, match=r"^field task must be text, got a list$"):
        optional_field({"task": []}, "task")


@pytest.mark.parametrize("value", [["a b", "", " c "], ("a b", "c"), "a b\n\n c \r\n"])
def test_lines_are_those_of_a_text_or_the_entries_of_a_list(value: object) -> None:
    assert lines_field({"premises": value}, "premises") == ("a b", "c")


def test_an_entry_of_a_list_may_hold_several_lines() -> None:
    assert lines_field({"premises": ["a\nb"]}, "premises") == ("a\nb",)


@pytest.mark.parametrize(
    ("value", "kind"), [(3, "a number"), ({}, "an object"), (["a", None], "null")]
)
def test_lines_that_are_not_text_are_refused(value: object, kind: str) -> None:
    with pytest.raises(BadRow, match=f"^field premises must be text, got {kind}$"):
        lines_field({"premises": value}, "premises")


@pytest.mark.parametrize(
    ("name", "ours"),
    [("training", "train"), ("validation", "test"), ("Dev", "test"), ("OOD", "ood"), ("", "")],
)
def test_a_split_gets_our_name(name: str, ours: str) -> None:
    assert known_split(name) == ours
    assert split_field({"split": name}) == ours


def test_an_unknown_split_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadRow) as raised:
        known_split("holdout")
    assert str(raised.value) == (
        "split is 'holdout', expected one of train, training, test, validation, valid, val, dev, "
        "eval, ood"
    )


def test_the_id_is_the_rows_own_or_a_hash_of_the_question() -> None:
    assert problem_id({"problem_id": "a", "id": "b"}, "mine", "How many?") == "a"
    assert problem_id({"problem_id": " ", "id": 7}, "mine", "How many?") == "7"
    # printf 'How many?' | sha256sum
    assert problem_id({}, "mine", "How many?") == "mine-ba352e24c64c"


def test_a_row_without_source_text_is_shown_as_json() -> None:
    assert Row(1, {"question": "café?", "n": Decimal("1.5")}).as_text == (
        '{"question": "café?", "n": "1.5"}'
    )
    assert Row(1, {"question": "?"}, text="?,5").as_text == "?,5"


@given(JSON)
def test_any_json_value_is_read_as_text_or_refused_by_the_name_of_its_field(value: object) -> None:
    for read in (text_field, scalar_field, optional_field, lines_field):
        try:
            found = read({"task": value}, "task")
        except BadRow as bad:
            assert str(bad).startswith("field task ")
            continue
        for text in found if isinstance(found, tuple) else (found,):
            assert text == text.strip()
            assert text or read is optional_field


@given(st.lists(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1)))
def test_lines_of_a_text_are_read_as_the_list_of_them(lines: list[str]) -> None:
    joined = lines_field({"reference": "\n".join(lines)}, "reference")
    assert joined == lines_field({"reference": lines}, "reference") == tuple(lines)


@given(st.sampled_from([*SPLITS]), st.booleans())
def test_every_known_name_of_a_split_is_read_in_any_case(name: str, upper: bool) -> None:
    assert known_split(name.upper() if upper else name) in ("train", "test", "ood")


def test_an_integer_too_large_for_a_float_is_converted_to_text() -> None:
    assert scalar_field({"answer": 10**400}, "answer") == f"1{'0' * 400}"

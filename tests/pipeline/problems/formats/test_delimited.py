"""CSV and TSV as their owner meant them: quotes, delimiters, and rows that are refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.problems.formats.delimited import FIELD_LIMIT, delimited_rows
from pipeline.problems.formats.row import ProblemError

HEADER = "question,answer\n"
ADVICE = "; remove a stray quote, or put the field in quotes and double each quote in it"


def _read(
    folder: Path, text: str, name: str = "rows.csv"
) -> tuple[list[list[str]], dict[int, str]]:
    """The values of the good rows, and the reasons of the bad ones by line."""
    file = folder / name
    file.write_bytes(text.encode())
    rows = list(delimited_rows(file))
    good = [list(row.values.values()) for row in rows if not row.reason]
    return good, {row.line: row.reason.removesuffix(ADVICE) for row in rows if row.reason}


def test_rows_that_begin_with_a_stray_quote_are_refused_one_by_one(tmp_path: Path) -> None:
    text = HEADER + 'What?,2\n"What is 2+2?,4\n"What is 3+3?,6\n"What is 4+4?,8\nlast,5\n'
    good, bad = _read(tmp_path, text)
    assert good == [["What?", "2"], ["last", "5"]]
    opens = "not valid CSV: the quote that opens on line"
    assert bad == {
        3: f"{opens} 3 is closed by a quote with text behind it",
        4: f"{opens} 4 is closed by a quote with text behind it",
        5: f"{opens} 5 is not closed",
    }


@pytest.mark.parametrize("opening", ['"b,2', 'b,"2', ' "b,2', '"b ""x"",2'])
def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path, opening: str) -> None:
    good, bad = _read(tmp_path, f"{HEADER}a,1\n{opening}\nc,3\nd,4\n")
    assert good == [["a", "1"], ["c", "3"], ["d", "4"]]
    assert bad == {3: "not valid CSV: the quote that opens on line 3 is not closed"}


def test_lines_of_a_field_that_is_never_closed_are_not_read_as_rows(tmp_path: Path) -> None:
    good, bad = _read(tmp_path, HEADER + 'a,1\n"Two\nlines,5\nlast,6\n')
    assert good == [["a", "1"]]
    assert bad == {
        3: "not valid CSV: the quote that opens on line 3 is not closed, so all up to line 5 was "
        "not read"
    }


def test_rows_that_a_pair_of_stray_quotes_joins_are_refused(tmp_path: Path) -> None:
    good, bad = _read(tmp_path, HEADER + '"How many,5\nrow two,6\nrow three",7\nlast,5\n')
    assert good == [["last", "5"]]
    assert bad == {
        2: "not valid CSV: the quote that opens on line 2 is closed on line 4, but each of these "
        "lines is also a row by itself"
    }


def test_a_question_of_several_lines_with_commas_is_read(tmp_path: Path) -> None:
    good, bad = _read(tmp_path, HEADER + '"Tom has 3, Ann 4.\nHow many?",7\nlast,5\n')
    assert (good, bad) == ([["Tom has 3, Ann 4.\nHow many?", "7"], ["last", "5"]], {})


def test_quotes_inside_a_quoted_field_must_be_doubled(tmp_path: Path) -> None:
    good, bad = _read(tmp_path, HEADER + '"Long\nhe said "yes" to?",5\n"He" said,4\nlast,5\n')
    assert good == [["last", "5"]]
    assert list(bad) == [2, 4]
    assert bad[2].endswith("so all up to line 3 was not read")


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ('q, "5"', ["q", "5"]),
        (' "q, r" , "6" ', ["q, r", "6"]),
        ('an 5" pipe,3', ['an 5" pipe', "3"]),
        ('"say ""hi""",""', ['say "hi"', ""]),
        ("a,", ["a", ""]),
        ('"",1', ["", "1"]),
    ],
)
def test_a_field_is_read_with_or_without_quotes(
    tmp_path: Path, row: str, fields: list[str]
) -> None:
    assert _read(tmp_path, f"{HEADER}{row}\r\n") == ([fields], {})


@pytest.mark.parametrize(
    ("name", "text", "fields"),
    [
        ("a.tsv", "question, with, commas\tanswer\nq, a\t5\n", ["q, a", "5"]),
        ("a.csv", "question, long, text;answer\nq;5\nr, s;1,5\n", ["q", "5"]),
        ("a.csv", "question\tanswer, in euro\nq, r\t5\n", ["q, r", "5"]),
        ("a.csv", '"question; a, b",answer\nq,5\n', ["q", "5"]),
        ("a.csv", "question,answer\nq; r; s,5\n", ["q; r; s", "5"]),
    ],
)
def test_the_delimiter_is_that_of_the_rows(
    tmp_path: Path, name: str, text: str, fields: list[str]
) -> None:
    good, bad = _read(tmp_path, text, name)
    assert (good[0], bad) == (fields, {})


def test_a_header_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="is neither JSON, CSV nor Parquet"):
        _read(tmp_path, '"question,answer\nq,5\n')


def test_a_quote_is_sought_within_a_bound(tmp_path: Path) -> None:
    lines = "\n".join("no row at all" for _ in range(20_000))
    good, bad = _read(tmp_path, f'{HEADER}"open\n{lines}\nlast,5\n')
    assert good == [["last", "5"]]
    assert f"is not closed within {FIELD_LIMIT:,} characters" in bad[2]


@given(st.lists(st.tuples(st.text('ab ",;\n\t'), st.text("1x")), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_back_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("q", "a"), *rows])
    good, bad = _read(tmp_path_factory.mktemp("csv"), out.getvalue())
    assert len(good) + len(bad) == len(rows)
    assert set(map(tuple, good)) <= set(rows)
    assert all("is also a row by itself" in reason for reason in bad.values())

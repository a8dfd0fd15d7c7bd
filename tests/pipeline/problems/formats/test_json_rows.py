"""JSON files: arrays are streamed; a broken element is one bad row with its line."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.problems.formats.containers import rows
from pipeline.problems.formats.row import Row
from pipeline.problems.reader import read_problems

TWO = [{"question": "a?", "answer": 1}, {"question": "b [{?", "answer": "é"}]


def _rows(folder: Path, text: str | bytes, name: str = "rows.json") -> list[Row]:
    data = text.encode() if isinstance(text, str) else text
    (folder / name).write_bytes(data)
    return list(rows(str(folder / name)))


@pytest.mark.parametrize("indent", [None, 0, 1, 4, "\t"])
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows", "rows.txt"])
def test_an_array_is_read(tmp_path: Path, indent: Any, name: str) -> None:
    text = json.dumps(TWO, indent=indent, ensure_ascii=False)
    assert [row.values for row in _rows(tmp_path, f"\ufeff {text}\n", name)] == TWO


def test_a_pretty_printed_array_gives_problems(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(TWO, indent=2))
    source = read_problems(str(tmp_path / "rows.json"))
    assert [problem.answer for problem in source.problems] == ["1", "é"]
    assert (source.rejects, list(source.lines.values())) == ((), [2, 6])


def test_objects_that_each_span_lines_are_read(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(row, indent=2) for row in TWO)
    assert [row.values for row in _rows(tmp_path, text)] == TWO


def test_arrays_on_lines_are_read_one_after_the_other(tmp_path: Path) -> None:
    text = "".join(f"{json.dumps([row])}\n" for row in TWO) + json.dumps(TWO[0])
    assert [row.values for row in _rows(tmp_path, text, "rows.jsonl")] == [*TWO, TWO[0]]


def test_a_row_that_is_an_array_does_not_make_json_lines_an_array(tmp_path: Path) -> None:
    found = _rows(tmp_path, f"[1]\n{json.dumps(TWO[0])}\n", "rows.jsonl")
    assert [(row.line, row.reason) for row in found] == [(1, "not a JSON object"), (2, "")]


@pytest.mark.parametrize("indent", ["", "  "])
def test_reading_resumes_after_a_broken_element(tmp_path: Path, indent: str) -> None:
    lines = ['{"n": 1},', '{"n": "2},', '{"n": 3 "x": 4},', '{"n": 5}']
    found = _rows(tmp_path, "\n".join(["[", *(indent + line for line in lines), "]"]))
    assert [row.values for row in found if not row.reason] == [{"n": 1}, {"n": 5}]
    bad = [(row.line, row.reason) for row in found if row.reason]
    assert bad == [
        (3, "not valid JSON: Invalid control character at (line 3)"),
        (4, "not valid JSON: Expecting ',' delimiter (line 4)"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"n": 1}, {"n" 2}, {"n": 3}]', "not valid JSON: Expecting ':' delimiter (line 1); the "),
        ('[{"n": 1}, {"n": 2', "not valid JSON: "),
        ('[{"n": 1}, {"n": "2', "not valid JSON: Unterminated string starting at (line 1); the "),
        ('[{"n": 1},\n', "not valid JSON: the array is not closed"),
        ('[{"n": 1}] and more', "not valid JSON: Expecting value (line 1); the rows after it were"),
        ('[{"n": 1}, 2]', "not a JSON object"),
    ],
)
def test_what_cannot_be_read_is_one_bad_row(tmp_path: Path, text: str, reason: str) -> None:
    first, bad = _rows(tmp_path, text)
    assert first.values == {"n": 1}
    assert bad.reason.startswith(reason)


def test_a_bad_byte_is_the_fault_of_its_element_only(tmp_path: Path) -> None:
    found = _rows(tmp_path, b'[{"n": "caf\xe9"},\n{"n": 1}]')
    assert [(row.line, row.reason) for row in found] == [(1, "not UTF-8"), (2, "")]


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize("form", ["{}\n", "[{}]"])
def test_a_whole_number_may_have_any_length(tmp_path: Path, digits: int, form: str) -> None:
    row = f'{{"question": "How many?", "answer": {"7" * digits}}}'
    (tmp_path / "rows.json").write_text(form.replace("{}", row))
    assert read_problems(str(tmp_path / "rows.json")).problems[0].answer == "7" * digits


def test_an_array_is_streamed(tmp_path: Path) -> None:
    row = json.dumps({"question": "x" * 1000, "answer": 1})
    with (tmp_path / "rows.json").open("w") as stream:
        stream.write("[")
        stream.writelines(f"{row},\n" for _ in range(20_000))  # 20 MB
        stream.write(f"{row}]")
    tracemalloc.start()
    count = sum(not found.reason for found in rows(str(tmp_path / "rows.json")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, peak < 2**20) == (20_001, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=4),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
    st.integers(0, 70_000),
)
def test_any_array_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    written: list[dict[str, Any]],
    indent: int | None,
    ascii_only: bool,
    padding: int,  # moves the end of a chunk
) -> None:
    try:
        text = json.dumps(written, indent=indent, ensure_ascii=ascii_only)
        data = f"[{' ' * padding}{text[1:]}".encode()
    except UnicodeEncodeError:  # a lone surrogate
        return
    found: Iterator[Row] = iter(_rows(tmp_path_factory.mktemp("json"), data))
    assert [row.values for row in found] == written

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolsets
from pipeline.problems.reader import ProblemError, Reject, read_problems, summarise, write_rejects

ARITHMETIC = toolsets.load("arithmetic")
ROWS = [
    {"question": "What is 2 + 3?", "answer": "5"},
    {"question": "What is 2 * 3?", "answer": "6"},
    {"question": "What is 2 - 3?", "answer": "-1"},
]


def _jsonl(folder: Path, *rows: Any, name: str = "rows.jsonl") -> str:
    lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    (folder / name).write_bytes(b"\n".join(lines) + b"\n")
    return str(folder / name)


def _gsm8k(n: int) -> dict[str, str]:
    return {"question": f"What is {n} + 1?", "answer": f"<<{n}+1={n + 1}>>\n#### {n + 1}"}


def test_gsm8k_is_read_whole(gsm8k_path: str) -> None:
    found = read_problems(gsm8k_path)
    first = found.problems[0]
    assert (found.format, len(found.problems), found.rejects) == ("gsm8k", 7473, ())
    assert first.question.startswith("Natalia sold clips to 48 of her friends")
    assert (first.answer, first.task) == ("72", "arithmetic")
    assert first.reference == ("48/2=24", "48+24=72")
    assert first.problem_id == "gsm8k-73429d562982"  # sha256sum of the question
    assert not any("," in problem.answer for problem in found.problems)


def test_folio_is_read_whole(folio_path: str) -> None:
    found = read_problems(folio_path)
    first = found.problems[0]
    assert (found.format, len(found.problems), found.rejects) == ("folio", 1004, ())
    assert (first.problem_id, first.task, first.answer) == ("folio-1131", "logic", "True")
    assert first.reference[0] == "∀x (Drinks(x) → Dependent(x))"
    answers = Counter(problem.answer for problem in found.problems)
    assert answers == {"True": 388, "Uncertain": 330, "False": 286}


def test_a_folio_row_becomes_a_question(tmp_path: Path) -> None:
    row = {"premises": ["All cats purr.", "", "Tom is a cat. "], "conclusion": "Tom purrs."}
    row |= {"premises-FOL": ["∀x (Cat(x) → Purrs(x))", "", "Cat(tom)"], "label": "Unknown"}
    (problem,) = read_problems(_jsonl(tmp_path, row)).problems
    assert problem.question == (
        "Premises:\nAll cats purr.\nTom is a cat.\nConclusion: Tom purrs.\n"
        "Is the conclusion True, False or Uncertain?"
    )
    assert problem.answer == "Uncertain"
    assert problem.reference == ("∀x (Cat(x) → Purrs(x))", "Cat(tom)")
    assert problem.problem_id.startswith("folio-")


def test_ones_own_logic_is_read_by_naming_its_columns(tmp_path: Path) -> None:
    row = {"context": "All cats purr.\nTom is a cat.", "hypothesis": "Tom purrs.", "gold": True}
    row |= {"fol": ["∀x (Cat(x) → Purrs(x))", "Cat(tom)"], "asked": "Purrs(tom)"}
    columns = {"premises": "context", "conclusion": "hypothesis", "label": "gold"}
    columns |= {"premises-FOL": "fol", "conclusion-FOL": "asked"}
    found = read_problems(_jsonl(tmp_path, row), columns=columns)
    (problem,) = found.problems
    assert (found.format, problem.task, problem.answer) == ("folio", "logic", "True")
    assert problem.question.startswith("Premises:\nAll cats purr.\nTom is a cat.\nConclusion: Tom")
    assert problem.reference == ("∀x (Cat(x) → Purrs(x))", "Cat(tom)", "⊢ Purrs(tom)")


def test_bad_rows_of_logic_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    row = {"premises": ["All cats purr."], "conclusion": "Tom purrs.", "label": "True"}
    unread = ["Cat(tom)", "Cat(tom) → → Purrs(tom)"]
    rows = [
        row,
        row | {"label": "Perhaps"},
        {"premises": ["All cats purr."], "label": "True"},
        row | {"premises": []},
        row | {"premises-FOL": unread},
        row | {"conclusion-FOL": "→ Purrs(tom)"},
    ]
    found = read_problems(_jsonl(tmp_path, *rows))
    assert len(found.problems) == 1
    assert [(reject.line, reject.reason) for reject in found.rejects] == [
        (2, "label is 'Perhaps', expected True, False, Unknown or Uncertain"),
        (3, "field conclusion is missing; the row has: premises, label"),
        (4, "field premises is missing or empty"),
        (
            5,
            "field premises-FOL: the formula 'Cat(tom) → → Purrs(tom)' cannot be read, "
            "column 12: expected a formula, got →",
        ),
        (
            6,
            "field conclusion-FOL: the formula '→ Purrs(tom)' cannot be read, "
            "column 1: expected a formula, got →",
        ),
    ]


def test_bad_rows_are_rejected_with_line_and_reason_and_reading_goes_on(tmp_path: Path) -> None:
    path = _jsonl(
        tmp_path,
        b"{broken",
        _gsm8k(1),
        b"",
        b'{"question": "caf\xe9?", "answer": "#### 1"}',
        [1],
        {"question": "No answer?"},
        {"question": 3, "answer": "#### 1"},
        {"question": " ", "answer": "#### 1"},
        {"question": "No mark?", "answer": "It is 4."},
        {"question": "Nothing after it?", "answer": "It is 4.\n#### "},
        _gsm8k(1),
        b'{"question": "half \\ud800?", "answer": "#### 1"}',
        _gsm8k(2) | {"split": "holdout"},
        _gsm8k(3),
    )
    found = read_problems(path)
    assert found.format == "gsm8k"
    assert [problem.answer for problem in found.problems] == ["2", "4"]
    reasons = {reject.line: reject.reason for reject in found.rejects}
    assert reasons.pop(1).startswith("not valid JSON: ")
    assert reasons.pop(13).startswith("split is 'holdout', expected one of train, ")
    assert reasons == {
        4: "not UTF-8: byte 18 of the line",
        5: "not a JSON object",
        6: "field answer is missing; the row has: question",
        7: "field question must be text, got a number",
        8: "field question is empty",
        9: "field answer has no final answer after ####",
        10: "field answer has no final answer after ####",
        11: f"problem_id {found.problems[0].problem_id} was already read on line 2",
        12: "field question holds half a surrogate pair, which is no text",
    }
    assert found.rejects[0].row == "{broken"


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "null"), (True, "a boolean"), ([], "a list"), ({}, "an object")]
)
def test_a_question_that_is_no_text_is_named_by_its_kind(
    tmp_path: Path, value: object, kind: str
) -> None:
    path = _jsonl(tmp_path, ROWS[0], {"question": value, "answer": "1"})
    reject = Reject(2, f"field question must be text, got {kind}", "")
    (got,) = read_problems(path).rejects
    assert (got.line, got.reason) == (reject.line, reject.reason)


@pytest.mark.parametrize(
    ("final", "answer"),
    [("1,200", "1200"), ("$1,200.50", "1200.5"), ("-7", "-7"), ("20%", "20"), ("Tuesday",) * 2],
)
def test_a_final_answer_is_kept_plain(tmp_path: Path, final: str, answer: str) -> None:
    path = _jsonl(tmp_path, {"question": "How many?", "answer": f"So.\n#### {final}"})
    assert read_problems(path).problems[0].answer == answer


def test_generic_rows_keep_what_the_data_says(tmp_path: Path) -> None:
    row = {"question": "Is 2 even?", "answer": True, "id": 7, "task": "parity", "split": "dev"}
    path = _jsonl(tmp_path, row, {"question": "What is 1/2?", "answer": 0.5, "reference": "1/2=.5"})
    first, second = read_problems(path).problems
    assert (first.problem_id, first.task, first.split, first.answer) == (
        ("7", "parity", "test", "True")
    )
    assert (second.task, second.answer, second.reference) == ("generic", "0.5", ("1/2=.5",))


def test_a_reference_may_be_a_list_lines_or_annotated_prose(tmp_path: Path) -> None:
    references = [["1+1=2", "2+1=3"], "1+1=2\n\n2+1=3", "So <<1+1=2>>2, and <<2+1=3>>3."]
    rows = [
        {"question": f"{i}?", "answer": "3", "reference": reference}
        for i, reference in enumerate(references)
    ]
    found = read_problems(_jsonl(tmp_path, *rows))
    assert {problem.reference for problem in found.problems} == {("1+1=2", "2+1=3")}


def test_an_answer_that_is_not_finite_is_rejected(tmp_path: Path) -> None:
    found = read_problems(_jsonl(tmp_path, ROWS[0], b'{"question": "NaN?", "answer": NaN}'))
    assert found.rejects[0].reason == "field answer is nan, expected a finite number"


def test_columns_map_our_fields_to_theirs(tmp_path: Path) -> None:
    row = {"prompt": "What is 2 + 3?", "gold": 5, "question": "unrelated", "part": "train"}
    columns = {"question": "prompt", "answer": "gold", "split": "part"}
    (problem,) = read_problems(_jsonl(tmp_path, row), columns=columns).problems
    assert (problem.question, problem.answer, problem.split) == ("What is 2 + 3?", "5", "train")


def test_a_format_is_told_under_mapped_names(tmp_path: Path) -> None:
    row = {"prompt": "What is 1 + 1?", "solution": "<<1+1=2>>\n#### 2"}
    columns = {"question": "prompt", "answer": "solution"}
    found = read_problems(_jsonl(tmp_path, row), columns=columns)
    assert (found.format, found.problems[0].reference) == ("gsm8k", ("1+1=2",))


def test_a_mapped_column_that_is_absent_is_a_missing_field(tmp_path: Path) -> None:
    message = "field question is missing; the row has: answer"
    with pytest.raises(ProblemError, match=message):
        read_problems(_jsonl(tmp_path, ROWS[0]), columns={"question": "prompt"})


def test_an_unknown_field_in_columns_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"'questions' is not a field.*did you mean question"):
        read_problems(_jsonl(tmp_path, ROWS[0]), columns={"questions": "prompt"})


def test_a_given_format_overrides_what_the_content_says(tmp_path: Path) -> None:
    found = read_problems(_jsonl(tmp_path, _gsm8k(1)), format="generic")
    assert (found.format, found.problems[0].answer) == ("generic", "<<1+1=2>>\n#### 2")
    with pytest.raises(ProblemError, match="unknown problem format 'gsm'; known: gsm8k, folio"):
        read_problems(_jsonl(tmp_path, _gsm8k(1)), format="gsm")


def test_bad_first_rows_do_not_hide_the_format(tmp_path: Path) -> None:
    bad = {"question": "No mark?", "answer": "It is 4."}
    assert read_problems(_jsonl(tmp_path, b"oops", bad, _gsm8k(1))).format == "gsm8k"


def test_limit_takes_the_first_good_rows(tmp_path: Path) -> None:
    path = _jsonl(tmp_path, b"{", *(_gsm8k(n) for n in range(300)), b"{")
    found = read_problems(path, limit=200)
    assert [problem.answer for problem in found.problems] == [str(n + 1) for n in range(200)]
    assert [reject.line for reject in found.rejects] == [1]


def test_limit_counts_problems_of_the_wanted_split(tmp_path: Path) -> None:
    path = _jsonl(tmp_path, *(_gsm8k(n) for n in range(100)))
    whole = [problem for problem in read_problems(path).problems if problem.split == "test"]
    found = read_problems(path, split="test", limit=3)
    assert list(found.problems) == whole[:3]


def test_a_split_depends_on_the_id_alone(tmp_path: Path, gsm8k_path: str) -> None:
    whole = read_problems(gsm8k_path)
    splits = Counter(problem.split for problem in whole.problems)
    assert splits == {"train": 6733, "test": 740}  # of 7,473; 747 expected, sd 26
    few = read_problems(gsm8k_path, limit=50)
    assert few.problems == whole.problems[:50]


@pytest.mark.parametrize(("fraction", "split"), [(0.0, "train"), (1.0, "test")])
def test_the_test_fraction_may_be_nothing_or_all(
    tmp_path: Path, fraction: float, split: str
) -> None:
    found = read_problems(_jsonl(tmp_path, *ROWS), test_fraction=fraction)
    assert {problem.split for problem in found.problems} == {split}


def test_what_cannot_be_read_is_one_sentence_that_names_the_path(tmp_path: Path) -> None:
    def message(path: str) -> str:
        with pytest.raises(ProblemError) as raised:
            read_problems(path)
        return str(raised.value)

    (tmp_path / "blank.jsonl").write_text("\n \n")
    (tmp_path / "header.csv").write_text("question,answer\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "empty_folder").mkdir()
    assert message(f"{tmp_path}/none.jsonl") == f"problem file {tmp_path}/none.jsonl does not exist"
    assert message(f"{tmp_path}/blank.jsonl") == f"problem file {tmp_path}/blank.jsonl is empty"
    assert message(f"{tmp_path}/header.csv") == f"{tmp_path}/header.csv has no rows"
    assert "broken.parquet is not readable Parquet: " in message(f"{tmp_path}/broken.parquet")
    assert "empty_folder is not a data set" in message(f"{tmp_path}/empty_folder")
    assert message(_jsonl(tmp_path, {"question": "?"}, {})) == (
        f"{tmp_path}/rows.jsonl has no usable row; the first of 2 bad ones is "
        "line 1: field answer is missing; the row has: question"
    )


def test_rejects_are_written_as_json_lines_that_replace_older_ones(tmp_path: Path) -> None:
    folder = tmp_path / "rejects"
    write_rejects([Reject(9, "old", "old"), Reject(10, "old", "old")], folder)
    path = write_rejects([Reject(3, "not UTF-8", "café")], folder)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"line": 3, "reason": "not UTF-8", "row": "café"}
    ]
    assert [file.name for file in folder.iterdir()] == ["problems.jsonl"]
    assert write_rejects([], folder).read_text() == ""


def test_the_summary_of_gsm8k_is_the_contract(gsm8k_path: str) -> None:
    assert summarise(read_problems(gsm8k_path), ARITHMETIC) == {
        "read": 7473,
        "rejected": 0,
        "with_reference": 7378,
        "reference_calls": 23716,
        "reference_calls_exact": 23716,
        "reference_answer_matches": 7245,  # 96.95% of 7,473
        "reference_calls_as_evaluated": 23716,
        "format": "gsm8k",
        "splits": {"test": 740, "train": 6733},
    }


def test_the_summary_of_folio_counts_no_calculations(folio_path: str) -> None:
    summary = summarise(read_problems(folio_path), ARITHMETIC)
    assert (summary["read"], summary["with_reference"]) == (1004, 1004)
    assert (summary["reference_calls"], summary["reference_answer_matches"]) == (0, 0)


@given(lines=st.lists(st.binary(max_size=40), max_size=20))
def test_whatever_bytes_stand_in_a_file_each_line_is_read_or_rejected_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    path = _jsonl(tmp_path_factory.mktemp("bytes"), ROWS[0], *lines, ROWS[1])
    found = read_problems(path, format="generic")
    filled = [number for number, line in enumerate(lines, 2) if line.strip()]
    assert [reject.line for reject in found.rejects] == filled
    assert [problem.question for problem in found.problems] == [
        ROWS[0]["question"],
        ROWS[1]["question"],
    ]

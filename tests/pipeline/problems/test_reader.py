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
    source = read_problems(gsm8k_path)
    first = source.problems[0]
    assert (source.format, len(source.problems), source.rejects) == ("gsm8k", 7473, ())
    assert first.question.startswith("Natalia sold clips to 48 of her friends")
    assert (first.answer, first.task) == ("72", "arithmetic")
    assert first.reference == ("48/2=24", "48+24=72")
    assert first.problem_id == "gsm8k-73429d562982"  # sha256sum of the question
    assert not any("," in problem.answer for problem in source.problems)


def test_folio_is_read_whole(folio_path: str) -> None:
    source = read_problems(folio_path)
    first = source.problems[0]
    assert (source.format, len(source.problems), source.rejects) == ("folio", 1004, ())
    assert (first.problem_id, first.task, first.answer) == ("folio-1131", "logic", "True")
    assert first.reference[0] == "∀x (Drinks(x) → Dependent(x))"
    answers = Counter(problem.answer for problem in source.problems)
    assert answers == {"True": 388, "Uncertain": 330, "False": 286}


def test_user_logic_data_is_read_with_mapped_columns(tmp_path: Path) -> None:
    row = {"context": "All cats purr.\nTom is a cat.", "hypothesis": "Tom purrs.", "gold": True}
    row |= {"fol": ["∀x (Cat(x) → Purrs(x))", "Cat(tom)"], "asked": "Purrs(tom)"}
    columns = {"premises": "context", "conclusion": "hypothesis", "label": "gold"}
    columns |= {"premises-FOL": "fol", "conclusion-FOL": "asked"}
    source = read_problems(_jsonl(tmp_path, row), columns=columns)
    (problem,) = source.problems
    assert (source.format, problem.task, problem.answer) == ("folio", "logic", "True")
    assert problem.question.startswith("Premises:\nAll cats purr.\nTom is a cat.\nConclusion: Tom")
    assert problem.reference == ("∀x (Cat(x) → Purrs(x))", "Cat(tom)", "⊢ Purrs(tom)")


def test_bad_rows_are_rejected_with_line_and_reason_and_reading_continues(tmp_path: Path) -> None:
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
    source = read_problems(path)
    assert source.format == "gsm8k"
    assert [problem.answer for problem in source.problems] == ["2", "4"]
    reasons = {reject.line: reject.reason for reject in source.rejects}
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
        11: f"problem_id {source.problems[0].problem_id} was already read on line 2",
        12: "field question contains a lone surrogate, so it is not valid text",
    }
    assert source.rejects[0].row == "{broken"


def test_columns_map_our_fields_to_theirs(tmp_path: Path) -> None:
    row = {"prompt": "What is 2 + 3?", "gold": 5, "question": "unrelated", "part": "train"}
    columns = {"question": "prompt", "answer": "gold", "split": "part"}
    (problem,) = read_problems(_jsonl(tmp_path, row), columns=columns).problems
    assert (problem.question, problem.answer, problem.split) == ("What is 2 + 3?", "5", "train")


def test_a_format_is_detected_with_mapped_columns(tmp_path: Path) -> None:
    row = {"prompt": "What is 1 + 1?", "solution": "<<1+1=2>>\n#### 2"}
    columns = {"question": "prompt", "answer": "solution"}
    source = read_problems(_jsonl(tmp_path, row), columns=columns)
    assert (source.format, source.problems[0].reference) == ("gsm8k", ("1+1=2",))


def test_a_mapped_column_that_is_absent_is_a_missing_field(tmp_path: Path) -> None:
    message = "field question is missing; the row has: answer"
    with pytest.raises(ProblemError, match=message):
        read_problems(_jsonl(tmp_path, ROWS[0]), columns={"question": "prompt"})


def test_the_error_for_an_unknown_field_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        ProblemError, match=r"'questions' is not a known field.*did you mean question"
    ):
        read_problems(_jsonl(tmp_path, ROWS[0]), columns={"questions": "prompt"})


def test_a_given_format_overrides_detection(tmp_path: Path) -> None:
    source = read_problems(_jsonl(tmp_path, _gsm8k(1)), format="generic")
    assert (source.format, source.problems[0].answer) == ("generic", "<<1+1=2>>\n#### 2")
    with pytest.raises(ProblemError, match="unknown problem format 'gsm'; known: gsm8k, folio"):
        read_problems(_jsonl(tmp_path, _gsm8k(1)), format="gsm")


def test_bad_first_rows_do_not_hide_the_format(tmp_path: Path) -> None:
    bad = {"question": "No mark?", "answer": "It is 4."}
    assert read_problems(_jsonl(tmp_path, b"oops", bad, _gsm8k(1))).format == "gsm8k"


def test_limit_counts_valid_rows_only(tmp_path: Path) -> None:
    path = _jsonl(tmp_path, b"{", *(_gsm8k(n) for n in range(300)), b"{")
    source = read_problems(path, limit=200)
    assert [problem.answer for problem in source.problems] == [str(n + 1) for n in range(200)]
    assert [reject.line for reject in source.rejects] == [1]


def test_limit_counts_problems_of_the_selected_split(tmp_path: Path) -> None:
    path = _jsonl(tmp_path, *(_gsm8k(n) for n in range(100)))
    whole = [problem for problem in read_problems(path).problems if problem.split == "test"]
    source = read_problems(path, split="test", limit=3)
    assert list(source.problems) == whole[:3]


def test_a_split_depends_only_on_the_id(tmp_path: Path, gsm8k_path: str) -> None:
    whole = read_problems(gsm8k_path)
    splits = Counter(problem.split for problem in whole.problems)
    assert splits == {"train": 6733, "test": 740}  # of 7,473; 747 expected, sd 26
    few = read_problems(gsm8k_path, limit=50)
    assert few.problems == whole.problems[:50]


@pytest.mark.parametrize(("fraction", "split"), [(0.0, "train"), (1.0, "test")])
def test_the_test_fraction_may_be_zero_or_one(tmp_path: Path, fraction: float, split: str) -> None:
    source = read_problems(_jsonl(tmp_path, *ROWS), test_fraction=fraction)
    assert {problem.split for problem in source.problems} == {split}


def test_an_unreadable_source_gives_a_one_sentence_error_with_the_path(tmp_path: Path) -> None:
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


def test_written_rejects_replace_older_ones(tmp_path: Path) -> None:
    folder = tmp_path / "rejects"
    write_rejects([Reject(9, "old", "old"), Reject(10, "old", "old")], folder)
    path = write_rejects([Reject(3, "not UTF-8", "café")], folder)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"line": 3, "reason": "not UTF-8", "row": "café"}
    ]
    assert [file.name for file in folder.iterdir()] == ["problems.jsonl"]
    assert write_rejects([], folder).read_text() == ""


def test_the_summary_of_gsm8k_has_the_documented_counts(gsm8k_path: str) -> None:
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
def test_each_line_of_arbitrary_bytes_is_read_or_rejected_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    path = _jsonl(tmp_path_factory.mktemp("bytes"), ROWS[0], *lines, ROWS[1])
    source = read_problems(path, format="generic")
    filled = [number for number, line in enumerate(lines, 2) if line.strip()]
    assert [reject.line for reject in source.rejects] == filled
    assert [problem.question for problem in source.problems] == [
        ROWS[0]["question"],
        ROWS[1]["question"],
    ]

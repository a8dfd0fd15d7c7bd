from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.problems.formats.containers import hub_address
from pipeline.problems.reader import ProblemError, decontaminated, read_problems
from tests.conftest import ROOT

ROWS = [
    {"question": "What is 2 + 3?", "answer": "5"},
    {"question": "What is 2 * 3?", "answer": "6"},
    {"question": "What is 2 - 3?", "answer": "-1"},
]


def _jsonl(folder: Path, *rows: Any, name: str = "rows.jsonl") -> str:
    lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    (folder / name).write_bytes(b"\n".join(lines) + b"\n")
    return str(folder / name)


def test_every_container_gives_the_same_problems(tmp_path: Path) -> None:
    import datasets

    expected = read_problems(_jsonl(tmp_path, *ROWS)).problems
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "folder"))
    for delimiter, name in [(",", "a.csv"), (";", "b.csv"), ("\t", "c.tsv"), (",", "no_ending")]:
        with (tmp_path / name).open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(ROWS[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(ROWS)
    for name in ("rows.parquet", "folder", "a.csv", "b.csv", "c.tsv", "no_ending"):
        assert read_problems(str(tmp_path / name)).problems == expected, name


def test_jsonl_is_detected_by_content_without_a_known_file_ending(tmp_path: Path) -> None:
    path = _jsonl(tmp_path, b"# a heading", ROWS[0], name="problems.txt")
    source = read_problems(path)
    assert (len(source.problems), source.rejects[0].line) == (1, 1)


def test_bad_csv_rows_are_rejected_with_their_first_line_number(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b'question,answer\n"Two\nlines?",1\n\none\ncaf\xe9,2\n"last, really?",3\n')
    source = read_problems(str(file))
    assert [problem.question for problem in source.problems] == ["Two\nlines?", "last, really?"]
    assert [(reject.line, reject.reason) for reject in source.rejects] == [
        (5, "the header has 2 fields, this row 1"),
        (6, "not UTF-8"),
    ]


def test_a_csv_field_that_is_too_long_is_one_reject(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"question,answer\n{'x' * 200_000},1\nshort?,2\n")
    source = read_problems(str(file))
    assert [problem.question for problem in source.problems] == ["short?"]
    assert source.rejects[0].reason.startswith("not valid CSV: field larger than")


def test_splits_of_a_data_set_are_preserved_and_interleaved(tmp_path: Path) -> None:
    import datasets

    parts = datasets.DatasetDict()
    parts["train"] = datasets.Dataset.from_list(ROWS[:2])
    parts["validation"] = datasets.Dataset.from_list(ROWS[2:])
    parts.save_to_disk(str(tmp_path / "folder"))
    source = read_problems(str(tmp_path / "folder"))
    assert [(problem.answer, problem.split) for problem in source.problems] == [
        ("5", "train"),
        ("-1", "test"),
        ("6", "train"),
    ]


def test_the_same_question_in_two_splits_is_dropped_from_training_only(tmp_path: Path) -> None:
    import datasets

    parts = datasets.DatasetDict()
    parts["train"] = parts["test"] = datasets.Dataset.from_list(ROWS[:1])
    parts.save_to_disk(str(tmp_path / "folder"))
    source = read_problems(str(tmp_path / "folder"))
    assert (len(source.problems), len(source.rejects)) == (2, 0)
    clean = decontaminated(source, 13)
    assert [problem.split for problem in clean.problems] == ["test"]
    assert clean.contaminated == {"exact": 1, "ngram": 0}


def _labelled(folder: Path) -> Any:
    """A data set with class labels, an image, audio and numbers of single precision."""
    import datasets

    media = pa.array(
        [{"bytes": b"no image", "path": None}] * 2,
        pa.struct({"bytes": pa.binary(), "path": pa.string()}),
    )
    table = pa.table(
        {
            "question": ["a?", "b?"],
            "answer": pa.array([0.1, 16777216.0], pa.float32()),
            "half": pa.array([0.1, None], pa.float16()),
            "task": pa.array([1, -1]),
            "split": pa.array([1, 0]),
            "reference": [[0, 1], []],
            "image": media,
            "audio": media,
        }
    )
    split = datasets.ClassLabel(names=["train", "test"])
    features = datasets.Features.from_arrow_schema(table.schema)
    features |= {"task": datasets.ClassLabel(names=["sum", "product"]), "split": split}
    features |= {"image": datasets.Image(), "audio": datasets.Audio()}
    features |= {"reference": datasets.List(datasets.ClassLabel(names=["1+1=2", "2+2=4"]))}
    info = datasets.DatasetInfo(features=datasets.Features(features))
    return datasets.Dataset(datasets.table.InMemoryTable(table), info=info)


@pytest.mark.parametrize("name", ["folder", "rows.parquet"])
def test_values_are_those_that_the_owner_sees(tmp_path: Path, name: str) -> None:
    data, path = _labelled(tmp_path), str(tmp_path / name)
    data.to_parquet(path) if name.endswith(".parquet") else data.save_to_disk(path)
    first, second = read_problems(path).problems
    assert (first.answer, first.task, first.split) == ("0.1", "product", "test")
    assert first.reference == ("1+1=2", "2+2=4")
    assert (second.answer, second.task, second.split) == ("16777216.0", "generic", "train")
    with pytest.raises(ProblemError, match="field question must be text, got data of type Image"):
        read_problems(path, columns={"question": "image"})
    assert read_problems(path, columns={"answer": "half"}).problems[0].answer == "0.1"


def test_an_unreachable_hub_data_set_gives_a_one_sentence_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "problems", "hf:nobody/nothing:train"],
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "data set hf:nobody/nothing:train cannot be loaded: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("hf:openai/gsm8k/main", ("openai/gsm8k", "main", None, None)),
        ("hf:openai/gsm8k/main:train", ("openai/gsm8k", "main", None, "train")),
        ("hf:a/b@1f2e3d", ("a/b", None, "1f2e3d", None)),
        ("hf:a/b/c@1f2e3d:test", ("a/b", "c", "1f2e3d", "test")),
    ],
)
def test_a_data_set_of_the_hub_may_be_pinned_to_a_revision(
    path: str, parts: tuple[str | None, ...]
) -> None:
    assert hub_address(path) == parts

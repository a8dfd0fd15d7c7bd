"""Several files of one source: splits by file name, and the file of the test problems."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.problems.reader import ProblemError, ProblemFile, read_problems


def _files(folder: Path, *names: str, **fields: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        rows = [{"question": f"{name} {n}?", "answer": n} | fields for n in (1, 2)]
        (folder / name).write_text("\n".join(map(json.dumps, rows)))
    return [str(folder / name) for name in names]


def _splits(source: ProblemFile) -> list[str]:
    return [f"{problem.question} {problem.split}" for problem in source.problems]


def test_a_folder_of_files_is_read_with_the_splits_of_their_names(tmp_path: Path) -> None:
    _files(tmp_path, "gsm8k_train.jsonl", "gsm8k-test.json", ".hidden/x.jsonl")
    (tmp_path / "README.md").write_text("Data.")
    expected = [
        "gsm8k-test.json 1? test",
        "gsm8k_train.jsonl 1? train",
        "gsm8k-test.json 2? test",
        "gsm8k_train.jsonl 2? train",
    ]
    assert _splits(read_problems(str(tmp_path))) == expected
    assert len(read_problems(str(tmp_path), limit=3).problems) == 3


def test_a_list_of_files_is_read_with_the_splits_of_their_names(tmp_path: Path) -> None:
    paths = _files(tmp_path / "test_data", "train.jsonl", "validation-00000-of-00001.jsonl")
    source = read_problems(paths)
    assert {problem.split for problem in source.problems} == {"train", "test"}


def test_shards_of_a_split_follow_each_other_and_may_lie_in_its_folder(tmp_path: Path) -> None:
    _files(tmp_path, "train/0.jsonl", "train/1.jsonl", "dev/0.jsonl")
    splits = [problem.split for problem in read_problems(str(tmp_path)).problems]
    assert (splits.count("train"), splits.count("test")) == (4, 2)


def test_files_without_splits_are_divided_by_hash(tmp_path: Path) -> None:
    _files(tmp_path, "a.jsonl", "b.jsonl")
    source = read_problems(str(tmp_path), test_fraction=1.0)
    assert {problem.split for problem in source.problems} == {"test"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train.jsonl", "more.jsonl"], "more.jsonl names no split, but train.jsonl does; put"),
        (["train_test.jsonl", "b.jsonl"], "train_test.jsonl names several splits: train, test"),
        (["notes.md"], "is not a data set written by datasets.save_to_disk, and it has no file"),
    ],
)
def test_a_folder_whose_splits_are_unclear_is_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    _files(tmp_path, *names)
    with pytest.raises(ProblemError, match=message):
        read_problems(str(tmp_path))


def test_test_path_names_the_file_of_the_test_problems(tmp_path: Path) -> None:
    one, other = _files(tmp_path, "one.jsonl", "other.jsonl")
    assert _splits(read_problems(one, test_path=other)) == [
        "one.jsonl 1? train",
        "other.jsonl 1? test",
        "one.jsonl 2? train",
        "other.jsonl 2? test",
    ]


def test_rows_of_test_path_that_say_train_are_rejected_with_their_file(tmp_path: Path) -> None:
    (one,) = _files(tmp_path, "one.jsonl")
    (other,) = _files(tmp_path, "other.jsonl", split="train")
    source = read_problems(one, test_path=other)
    assert len(source.problems) == 2
    assert source.rejects[0].reason == (
        "other.jsonl: field split is train, but the row is of problems.test_path"
    )


def test_ids_are_unique_in_each_split(tmp_path: Path) -> None:
    for name in ("train", "test", "ood"):
        rows = [{"id": n % 2, "question": f"{name} {n}?", "answer": n} for n in range(3)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = read_problems(str(tmp_path))
    ids = [(problem.split, problem.problem_id) for problem in source.problems]
    assert len({*ids}) == len(ids) == 6
    assert ("train", "0") in ids
    evaluated = [name for split, name in ids if split != "train"]
    assert len({*evaluated}) == 4  # the chains of test and ood lie in one folder
    assert len(source.rejects) == 3
    assert source.rejects[0].reason.endswith("problem_id 0 was already read on line 1")

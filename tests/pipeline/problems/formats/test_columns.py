from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import toolsets
from pipeline.problems.formats.columns import group_field, mapped_fields
from pipeline.problems.formats.row import BadRow
from pipeline.problems.reader import read_problems, summarise

SVAMP = {"question": ["Body", "Question"], "answer": "Answer", "problem_id": "ID"}
SVAMP |= {"reference": "Equation"}


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        ({"question": ["a", "b"]}, {"question": "One. Two?"}),
        ({"question": ["b", "blank", "none", "n"]}, {"question": "Two? 5"}),
        ({"premises": ["a", "list", "lines"]}, {"premises": ["One.", "x", "y", "p", "q"]}),
        ({"question": ["a", "absent"]}, {}),
        ({"split": None}, {}),
    ],
)
def test_columns_are_joined_or_not_used(columns: Any, fields: dict[str, Any]) -> None:
    row = {"a": " One. ", "b": "Two?", "blank": " ", "none": None, "n": 5, "list": ["x", "y"]}
    row |= {"lines": "p\n\nq", "split": "train", "question": "unrelated"}
    found = mapped_fields(row, columns)
    assert {name: found[name] for name in columns if name in found} == fields


def test_a_joined_column_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadRow, match="field b must be text, got a list"):
        mapped_fields({"a": "x", "b": []}, {"question": ["a", "b"]})


def test_a_column_of_groups_must_exist() -> None:
    assert group_field({"story": 7}, "story") == "7"
    assert group_field({"story": None}, "story") == ""
    with pytest.raises(BadRow, match=r"column story of problems\.group is missing; the row has: q"):
        group_field({"q": "?"}, "story")


def test_problems_of_one_group_are_in_one_split(tmp_path: Path) -> None:
    rows = [{"question": f"{n}?", "answer": n, "story": n % 20} for n in range(200)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = read_problems(str(tmp_path / "rows.jsonl"), group="story", test_fraction=0.3)
    of_split = {
        split: {p.group for p in source.problems if p.split == split} for split in ("train", "test")
    }
    assert not of_split["train"] & of_split["test"]
    assert len(of_split["train"] | of_split["test"]) == 20
    assert all(of_split.values())


def test_svamp_is_read_by_its_own_columns() -> None:
    path = Path(os.environ.get("APPRENTICE_DATA", "../shared/data")) / "words" / "svamp_dev.json"
    if not path.is_file():
        pytest.skip(f"{path} does not exist")
    source = read_problems(str(path), columns=SVAMP)
    summary = summarise(source, toolsets.load("arithmetic"))
    assert (summary["read"], summary["rejected"], summary["reference_calls_exact"]) == (
        500,
        0,
        499,
    )  # 10 / 3 is cut
    assert summary["reference_answer_matches"] == 500
    assert source.problems[0].question.endswith(
        "on each pack How much do you have to pay to buy each pack?"
    )

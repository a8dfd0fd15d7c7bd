"""The formulas of logic problems, counted: FOLIO's own, and with conclusions written by hand."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.formulas import conclusion_of, count_formulas, entailed, premises_of
from pipeline.problems import read_problems, summarise
from tests.pipeline.scripted import ARITHMETIC
from tests.toolsets.logic.conclusions import SAMPLE

ROW = {
    "premises": ["Every cat is furry.", "Tom is a cat."],
    "premises-FOL": ["∀x (Cat(x) → Furry(x))", "Cat(tom"],
    "conclusion": "Tom is furry.",
    "conclusion-FOL": "Furry(tom)",
    "label": "True",
}


def test_every_formula_of_folio_is_read_and_every_set_of_premises_judged(folio_path: str) -> None:
    summary = summarise(read_problems(folio_path), ARITHMETIC)
    assert summary["formulas"] == summary["formulas_parsed"] == 5233
    assert summary["formulas_repaired"] == 265
    assert summary["inconsistent"] == 7
    assert "labels" not in summary  # the data has no formulas of conclusions


def test_labels_are_what_follows_where_conclusions_are_formulas(
    folio_path: str, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in Path(folio_path).read_text().splitlines()]
    mine = [
        row | {"conclusion-FOL": SAMPLE[row["example_id"]]}
        for row in rows
        if row["example_id"] in SAMPLE
    ]
    summary = summarise(read_problems(_written(tmp_path, *mine)), ARITHMETIC)
    assert summary["labels"] == len(SAMPLE) == 40
    assert summary["labels_right"] >= 0.95 * 40


def test_a_conclusion_stands_behind_the_premises(tmp_path: Path) -> None:
    (problem,) = read_problems(_written(tmp_path, ROW)).problems
    assert premises_of(problem) == tuple(ROW["premises-FOL"])
    assert conclusion_of(problem) == "Furry(tom)"
    assert entailed(problem) == "True"
    assert count_formulas([problem]) == {
        "formulas": 3,
        "formulas_parsed": 3,
        "formulas_repaired": 1,
        "inconsistent": 0,
        "labels": 1,
        "labels_right": 1,
    }


def test_premises_that_contradict_each_other_and_a_wrong_label_are_counted(tmp_path: Path) -> None:
    contrary = {"premises-FOL": ["Cat(tom)", "¬Cat(tom)"]}
    unread = {"premises-FOL": ["Cat(tom)", "?"], "conclusion": "Furry is Tom."}
    rows = [ROW | contrary, ROW | unread]
    counts = count_formulas(read_problems(_written(tmp_path, *rows)).problems)
    assert (counts["formulas"], counts["formulas_parsed"]) == (6, 5)
    assert (counts["inconsistent"], counts["labels"], counts["labels_right"]) == (1, 2, 1)


def test_without_formulas_nothing_is_counted(tmp_path: Path) -> None:
    row = {key: value for key, value in ROW.items() if not key.endswith("-FOL")}
    assert count_formulas(read_problems(_written(tmp_path, row)).problems) == {}


def _written(folder: Path, *rows: dict) -> str:
    path = folder / "folio.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)

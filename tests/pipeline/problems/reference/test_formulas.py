"""The formulas of logic problems, counted: FOLIO's own, and with conclusions written by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import toolsets
from pipeline.problems.reader import read_problems, summarise
from pipeline.problems.reference.chain import reference_chain
from pipeline.problems.reference.formulas import (
    conclusion_of,
    count_formulas,
    entailed,
    premises_of,
)
from pipeline.records import Problem
from tests.pipeline.agent.scripted import ARITHMETIC
from tests.toolsets.shipped.logic.conclusions import SAMPLE

ROW = {
    "premises": ["Every cat is furry.", "Tom is a cat."],
    "premises-FOL": ["∀x (Cat(x) → Furry(x))", "Cat(tom"],
    "conclusion": "Tom is furry.",
    "conclusion-FOL": "Furry(tom)",
    "label": "True",
}

MENDED = ["∀x (Cat(x) → Furry(x))", "Cat(tom)"]


def test_every_formula_of_folio_is_read_and_every_set_of_premises_judged(folio_path: str) -> None:
    summary = summarise(read_problems(folio_path), ARITHMETIC)
    assert summary["formulas"] == summary["formulas_parsed"] == 5233
    assert summary["formulas_repaired"] == 265
    assert summary["inconsistent"] == len(set(summary["inconsistent_problems"])) == 7
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
        "inconsistent_problems": [],
        "labels": 1,
        "labels_right": 1,
    }


def test_premises_that_contradict_each_other_are_named_and_a_wrong_label_is_counted() -> None:
    sound = Problem("sound", "logic", "?", "True", "train", ("Cat(tom)", "⊢ Cat(tom)"))
    contrary = replace(sound, problem_id="contrary", reference=("Cat(tom)", "¬Cat(tom)"))
    unread = replace(sound, problem_id="unread", reference=("Cat(tom)", "?", "⊢ Furry(tom)"))
    counts = count_formulas([sound, contrary, unread])
    assert (counts["formulas"], counts["formulas_parsed"]) == (7, 6)
    assert (counts["inconsistent"], counts["inconsistent_problems"]) == (1, ["contrary"])
    assert (counts["labels"], counts["labels_right"]) == (2, 1)


def test_the_worked_solution_asks_for_what_the_formulas_say(tmp_path: Path) -> None:
    (problem,) = read_problems(_written(tmp_path, ROW | {"premises-FOL": MENDED})).problems
    logic = toolsets.load("logic[entails]")
    chain = reference_chain(problem, logic)
    assert chain is not None
    asked, answered = chain.steps
    assert asked.reply == (
        'entails(premises=["∀x (Cat(x) → Furry(x))", "Cat(tom)"], conclusion="Furry(tom)")'
    )
    assert asked.result is not None
    assert (asked.result.ok, asked.result.content) == (True, "True")
    assert answered.call is not None
    assert (answered.call.name, answered.call.arguments) == ("answer", {"value": "True"})
    told = replace(problem, question=problem.question.replace("Tom is", "Every dog is"))
    for unfit in (
        replace(problem, answer="False"),
        replace(told, reference=tuple(MENDED)),
        replace(problem, reference=("?", *problem.reference)),
    ):
        assert reference_chain(unfit, logic) is None
    assert reference_chain(problem, ARITHMETIC) is None


def test_without_formulas_nothing_is_counted(tmp_path: Path) -> None:
    row = {key: value for key, value in ROW.items() if not key.endswith("-FOL")}
    assert count_formulas(read_problems(_written(tmp_path, row)).problems) == {}


def _written(folder: Path, *rows: dict) -> str:
    path = folder / "folio.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)

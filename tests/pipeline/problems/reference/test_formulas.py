"""Formulas of logic problems: FOLIO, without and with conclusions written by hand."""

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

REPAIRED = ["∀x (Cat(x) → Furry(x))", "Cat(tom)"]


def test_every_folio_formula_is_parsed_and_inconsistent_premises_are_counted(
    folio_path: str,
) -> None:
    summary = summarise(read_problems(folio_path), ARITHMETIC)
    assert summary["formulas"] == summary["formulas_parsed"] == 5233
    assert summary["formulas_repaired"] == 265
    assert summary["inconsistent"] == len(set(summary["inconsistent_problems"])) == 7
    assert "labels" not in summary  # the data has no formulas of conclusions


def test_z3_agrees_with_the_labels_of_conclusions_with_formulas(
    folio_path: str, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in Path(folio_path).read_text().splitlines()]
    with_conclusion = [
        row | {"conclusion-FOL": SAMPLE[row["example_id"]]}
        for row in rows
        if row["example_id"] in SAMPLE
    ]
    summary = summarise(read_problems(_write(tmp_path, *with_conclusion)), ARITHMETIC)
    assert summary["labels"] == len(SAMPLE) == 40
    assert summary["labels_right"] >= 0.95 * 40


def test_the_reference_ends_with_the_conclusion(tmp_path: Path) -> None:
    (problem,) = read_problems(_write(tmp_path, ROW)).problems
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


def test_inconsistent_premises_and_incorrect_labels_are_counted() -> None:
    consistent = Problem("consistent", "logic", "?", "True", "train", ("Cat(tom)", "⊢ Cat(tom)"))
    inconsistent = replace(
        consistent, problem_id="inconsistent", reference=("Cat(tom)", "¬Cat(tom)")
    )
    unreadable = replace(
        consistent, problem_id="unreadable", reference=("Cat(tom)", "?", "⊢ Furry(tom)")
    )
    counts = count_formulas([consistent, inconsistent, unreadable])
    assert (counts["formulas"], counts["formulas_parsed"]) == (7, 6)
    assert (counts["inconsistent"], counts["inconsistent_problems"]) == (1, ["inconsistent"])
    assert (counts["labels"], counts["labels_right"]) == (2, 1)


def test_the_reference_chain_calls_entails_with_the_formulas(tmp_path: Path) -> None:
    (problem,) = read_problems(_write(tmp_path, ROW | {"premises-FOL": REPAIRED})).problems
    logic = toolsets.load("logic[entails]")
    chain = reference_chain(problem, logic)
    assert chain is not None
    call, answer = chain.steps
    assert call.reply == (
        'entails(premises=["∀x (Cat(x) → Furry(x))", "Cat(tom)"], conclusion="Furry(tom)")'
    )
    assert call.result is not None
    assert (call.result.ok, call.result.content) == (True, "True")
    assert answer.call is not None
    assert (answer.call.name, answer.call.arguments) == ("answer", {"value": "True"})
    reworded = replace(problem, question=problem.question.replace("Tom is", "Every dog is"))
    for unsuitable in (
        replace(problem, answer="False"),
        replace(reworded, reference=tuple(REPAIRED)),
        replace(problem, reference=("?", *problem.reference)),
    ):
        assert reference_chain(unsuitable, logic) is None
    assert reference_chain(problem, ARITHMETIC) is None


def test_problems_without_formulas_give_no_counts(tmp_path: Path) -> None:
    row = {key: value for key, value in ROW.items() if not key.endswith("-FOL")}
    assert count_formulas(read_problems(_write(tmp_path, row)).problems) == {}


def _write(folder: Path, *rows: dict) -> str:
    path = folder / "folio.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)

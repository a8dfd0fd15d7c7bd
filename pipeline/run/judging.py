"""Judge stored chains again, without engines: `python -m pipeline judge RUN_DIR`.

For corrected golds, another tolerance, or better rules of verdicts. The golds of tasks that have no
chain yet change with them. The table is computed again; pairs and training follow with the next
`run`, as their inputs have changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline import tables
from pipeline.agent.verdict import Units, judge
from pipeline.errors import CannotStart
from pipeline.evaluation.stage import write_table
from pipeline.generation.outcomes import outcomes
from pipeline.generation.prepared import Run
from pipeline.records import Problem
from pipeline.run.evaluated import evaluated_folders
from pipeline.run.inputs import JUDGED, StageInputs, changed, refuse_judging

CORRECTNESS = {True: "correct", False: "incorrect", None: "engine error"}


@dataclass(frozen=True, slots=True)
class Rules:
    """What verdicts depend on: the golds by problem, and the settings."""

    golds: Mapping[str, str]
    tolerance: float
    units: Units


def judge_run(run: Run) -> dict[str, dict[str, int]]:
    """Give the chains of a run new verdicts, and its table new numbers.

    Returns for each folder of chains how many were judged, and the changes, such as
    `{"judged": 96, "incorrect -> correct": 2}`. Raises CannotStart if more than golds and rules
    changed, as other problems need other chains.
    """
    if run.recipe.train.rounds > 1:
        raise CannotStart("judge works with train.rounds=1: rounds were chosen by the old verdicts")
    inputs = _inputs(run)
    golds = {p.problem_id: p.answer for p in (*run.problems, *run.heldout)}
    for folder in (run.dir.tasks, run.dir.tasks / "evaluation"):
        for path in tables.files(folder):
            _correct_golds(path, golds)
    rules = Rules(golds, run.recipe.problems.tolerance, run.units)
    folders = {"chains": run.dir.chains, "evaluation": run.dir.evaluation}
    counts = {
        name: dict(_judge_folder(folder, rules))
        for name, folder in folders.items()
        if tables.files(folder)
    }
    _record(run, inputs)
    return counts


def _inputs(run: Run) -> dict[str, Any]:
    """The inputs of `generate` and of each evaluated model with a record, as they are now."""
    now, facts = StageInputs(run), run.dir.facts
    found: dict[str, Any] = {}
    if before := facts("generate").get("inputs"):
        found["generate"] = now.generate()
        refuse_judging("generate", changed(before, found["generate"]), run.dir.path)
    known: Mapping[str, Any] = facts("evaluate").get("inputs", {})
    found["evaluate"] = {}
    for name, folder in evaluated_folders(run)[0].items():
        if name in known:
            found["evaluate"][name] = now.evaluate(name, folder)
            names = changed(known[name], found["evaluate"][name])
            refuse_judging("evaluate", names, run.dir.path)
    return found


def _record(run: Run, inputs: Mapping[str, Any]) -> None:
    """Write the new golds and rules to run.json, and the table of the new verdicts."""
    facts = run.dir.facts
    if "generate" in inputs:
        new = {name: inputs["generate"][name] for name in JUDGED}
        before = facts("generate")["inputs"]
        run.dir.note("generate", inputs=before | new, **outcomes(run.dir.chains))
    if inputs["evaluate"]:
        known = facts("evaluate")["inputs"]
        for name, now in inputs["evaluate"].items():
            known[name] |= {key: now[key] for key in JUDGED}
        run.dir.note("evaluate", inputs=known)
        if (run.dir.evaluation / "metrics.json").is_file():
            write_table(run.dir, {}, tables.files(run.dir.tasks / "evaluation"))


def _judge_folder(folder: Path, rules: Rules) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in tables.files(folder):
        rows = pq.read_table(path).to_pylist()
        new = [_judged(row, rules) for row in rows]
        counts.update(judged=len(rows))
        for before, after in zip(rows, new, strict=True):
            if before["correct"] != after["correct"]:
                change = f"{CORRECTNESS[before['correct']]} -> {CORRECTNESS[after['correct']]}"
                counts[change] += 1
        if new != rows:
            tables.write(path, new, tables.CHAINS)
    return counts


def _judged(row: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    problem = _corrected(tables.problem_of(row["problem"]), rules.golds)
    verdict = judge(tables.chain_of(row), problem, rules.tolerance, rules.units)
    new = {"correct": verdict.correct, "failure": verdict.failure}
    return {**row, "problem": tables.problem_row(problem), **new}


def _corrected(problem: Problem, golds: Mapping[str, str]) -> Problem:
    return replace(problem, answer=golds.get(problem.problem_id, problem.answer))


def _correct_golds(path: Path, golds: Mapping[str, str]) -> None:
    """Rewrite a plan whose tasks have other golds, in the same blocks."""
    rows = pq.read_table(path).to_pylist()
    new = [_with_gold(row, golds) for row in rows]
    if new != rows:
        size = pq.read_metadata(path).row_group(0).num_rows
        tables.write(path, new, tables.TASKS, group=size)


def _with_gold(row: Mapping[str, Any], golds: Mapping[str, str]) -> dict[str, Any]:
    problem = _corrected(tables.problem_of(row["problem"]), golds)
    return {**row, "problem": tables.problem_row(problem)}

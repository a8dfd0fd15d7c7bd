"""The stage `pairs`: judged chains to preference pairs and right chains, as Parquet.

`pairs/*.parquet` loads in TRL unchanged; `pairs/supervised/*.parquet` holds the right chains that
the warm-up learns. What was dropped, and why, is counted.

Not here: the strategies (`pipeline.pairing`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline import tables
from pipeline.errors import CannotStart, StageFailed
from pipeline.pairing import Candidates, pair_up
from pipeline.prompt import Dialect, render
from pipeline.recipe import Recipe
from pipeline.records import Chain, Problem
from pipeline.rundir import RunDir
from pipeline.worked import reference_chain
from toolsets import Toolset


def pairs(recipe: Recipe, run: RunDir, dialect: Dialect, toolset: Toolset) -> dict[str, Any]:
    """Build all pairs of a run; returns facts for run.json.

    Raises CannotStart where there are no chains, StageFailed where no pair could be built.
    """
    grouped = _by_problem(run)
    if not grouped:
        raise CannotStart(f"{run.chains} holds no chains; run generate first")
    drops: Counter[str] = Counter()
    strategies: Counter[str] = Counter()
    weights: dict[str, float] = {**recipe.pairs.strategies}
    pair_rows, supervised = [], []
    for rows in grouped.values():
        problem = tables.problem_of(rows[0]["problem"])
        candidates = _candidates(problem, rows, recipe, toolset)
        made = pair_up(
            candidates,
            weights,
            recipe.pairs.per_problem,
            recipe.seed,
            dialect,
            drops,
        )
        strategies.update(pair.strategy for pair in made)
        pair_rows += [tables.pair_row(pair) for pair in made]
        supervised += list(_supervised(candidates, recipe, dialect))
    facts = {
        "problems": len(grouped),
        "rows_in": sum(len(rows) for rows in grouped.values()),
        "chains": dict(_outcomes(grouped)),
        "rows_out": len(pair_rows),
        "strategies": dict(strategies),
        "supervised": len(supervised),
        "dropped": dict(drops),
    }
    _check(recipe, facts)
    native = dialect.tools is not None
    tables.write_parts(run.pairs, pair_rows, tables.PAIRS_NATIVE if native else tables.PAIRS)
    tables.write_parts(
        run.pairs / "supervised",
        supervised,
        tables.SUPERVISED_NATIVE if native else tables.SUPERVISED,
    )
    return facts


def _by_problem(run: RunDir) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in tables.rows(run.chains):
        grouped.setdefault(row["problem"]["problem_id"], []).append(row)
    for rows in grouped.values():
        rows.sort(key=lambda row: row["task_id"])
    return dict(sorted(grouped.items()))


def _candidates(
    problem: Problem, rows: Sequence[Mapping[str, Any]], recipe: Recipe, toolset: Toolset
) -> Candidates:
    right = [tables.chain_of(row) for row in rows if row["correct"] is True]
    wrong = [
        tables.chain_of(row)
        for row in rows
        if row["correct"] is False and row["model"] in recipe.pairs.rejected_from
    ]
    right.sort(key=lambda chain: chain.model != "teacher")  # the teacher's first
    wrong.sort(key=lambda chain: chain.model != "student")  # the student's own first
    uses_reference = recipe.pairs.strategies.get("reference", 0) > 0
    worked = reference_chain(problem, toolset) if uses_reference else None
    return Candidates(problem.problem_id, problem.question, tuple(right), tuple(wrong), worked)


def _supervised(
    candidates: Candidates, recipe: Recipe, dialect: Dialect
) -> Iterator[dict[str, Any]]:
    """The right chains of a problem, no two the same; the worked one where there is no other."""
    chains: Sequence[Chain] = candidates.right
    if not chains and candidates.reference is not None:
        chains = (candidates.reference,)
    seen = set()
    for chain in chains:
        completion = render(dialect, chain.steps)
        key = str(completion)
        if key in seen:
            continue
        seen.add(key)
        yield {
            "prompt": dialect.opening(candidates.question),
            "completion": completion,
            "tools": dialect.tools and json.dumps(dialect.tools),
            "problem_id": candidates.problem_id,
            "chain_id": chain.chain_id,
        }
        if len(seen) == recipe.train.sft.per_problem:
            return


def _outcomes(grouped: Mapping[str, Sequence[Mapping[str, Any]]]) -> Counter[str]:
    names = {True: "right", False: "wrong", None: "engine error"}
    return Counter(
        f"{row['model']} {names[row['correct']]}" for rows in grouped.values() for row in rows
    )


def _check(recipe: Recipe, facts: Mapping[str, Any]) -> None:
    needs_pairs = "dpo" in recipe.train.stages and not facts["rows_out"]
    needs_right = "sft" in recipe.train.stages and not facts["supervised"]
    if needs_pairs or needs_right:
        outcomes = ", ".join(f"{n:,} {name}" for name, n in sorted(facts["chains"].items()))
        drops = "; ".join(f"{why}: {n:,}" for why, n in facts["dropped"].items())
        what = "no pair could be built" if needs_pairs else "no chain was right"
        raise StageFailed(
            f"{what} from {facts['rows_in']:,} chains ({outcomes}); {drops}; more samples, a "
            "hotter temperature, or pairs.strategies.reference=1 where the data has worked "
            "solutions may help"
        )

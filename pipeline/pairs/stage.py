"""The stage `pairs`: judged chains to preference pairs and right chains, as Parquet.

`pairs/*.parquet` loads in TRL unchanged; `pairs/supervised/*.parquet` holds the right chains that
the warm-up learns. What was dropped, and why, is counted.

Not here: strategies, filters and balance (`pipeline.pairs`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipeline import tables
from pipeline.agent.prompt import Dialect, render
from pipeline.errors import CannotStart, StageFailed
from pipeline.pairs.balance import Stratum, balanced, difficulty
from pipeline.pairs.candidates import Candidates
from pipeline.pairs.filters import BY_LIMIT, NEAR_DUPLICATE, UNEVEN, filter_of
from pipeline.pairs.selection import NO_RIGHT, NO_WRONG, pair_up
from pipeline.problems.decontamination import words
from pipeline.problems.reference.chain import reference_chain
from pipeline.recipe.load import Recipe
from pipeline.records import Chain, PreferencePair, Problem
from pipeline.run_dir import RunDir
from toolsets import Toolset

BEYOND = "beyond pairs.most"
MENDS = {  # what to change, by why most was dropped
    NO_WRONG: "more samples or a hotter temperature of the student, or pairs.strategies.concise=1",
    NO_RIGHT: "more samples or a stronger teacher, or pairs.strategies.reference=1 where the data "
    "has worked solutions",
    BY_LIMIT: "pairs.wrong_by_limit=keep, or more agent.max_steps and reply_tokens",
    UNEVEN: "a larger pairs.max_length_ratio",
    NEAR_DUPLICATE: "a larger pairs.near_duplicate",
}
OTHERWISE = (
    "more samples, a hotter temperature, other pairs.strategies, or pairs.strategies.reference=1 "
    "where the data has worked solutions"
)

Row = Mapping[str, Any]


def pairs(
    recipe: Recipe, run: RunDir, dialect: Dialect, toolset: Toolset, earlier: Iterable[Row] = ()
) -> dict[str, Any]:
    """Build all pairs of a run; returns facts for run.json.

    `earlier` are rows of right chains that the warm-up learns beside this round's own.
    Raises CannotStart where there are no chains, StageFailed where no pair could be built.
    """
    grouped = _by_problem(run)
    if not grouped:
        raise CannotStart(f"{run.chains} holds no chains; run generate first")
    drops: Counter[str] = Counter()
    built = [
        _candidates(tables.problem_of(rows[0]["problem"]), rows, recipe, toolset)
        for rows in grouped.values()
    ]
    made = _balanced(_pairs(built, recipe, dialect, drops), grouped, recipe, drops)
    right = (row for candidates in built for row in _supervised(candidates, recipe, dialect))
    supervised = _distinct([*earlier, *right])
    facts = {
        "problems": len(grouped),
        "rows_in": sum(len(rows) for rows in grouped.values()),
        "chains": dict(_outcomes(grouped)),
        "rows_out": len(made),
        "strategies": dict(Counter(pair.strategy for pair in made)),
        "supervised": len(supervised),
        "dropped": dict(drops),
    }
    _check(recipe, facts)
    _write(run, [tables.pair_row(pair) for pair in made], supervised, dialect)
    return facts


def _write(
    run: RunDir, made: list[dict[str, Any]], supervised: Sequence[Row], dialect: Dialect
) -> None:
    native = dialect.tools is not None
    tables.write_parts(run.pairs, made, tables.PAIRS_NATIVE if native else tables.PAIRS)
    tables.write_parts(
        run.pairs / "supervised",
        supervised,
        tables.SUPERVISED_NATIVE if native else tables.SUPERVISED,
    )


def _by_problem(run: RunDir) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in tables.rows(run.chains):
        grouped.setdefault(row["problem"]["problem_id"], []).append(row)
    for rows in grouped.values():
        rows.sort(key=lambda row: row["task_id"])
    return dict(sorted(grouped.items()))


def _candidates(
    problem: Problem, rows: Sequence[Row], recipe: Recipe, toolset: Toolset
) -> Candidates:
    own = [row for row in rows if not row["prefix_steps"]]
    right = [tables.chain_of(row) for row in own if row["correct"] is True]
    wrong = [
        tables.chain_of(row)
        for row in own
        if row["correct"] is False and row["model"] in recipe.pairs.rejected_from
    ]
    right.sort(key=lambda chain: chain.model != "teacher")  # the teacher's first
    wrong.sort(key=lambda chain: chain.model != "student")  # the student's own first
    uses_reference = recipe.pairs.strategies.get("reference", 0) > 0
    return Candidates(
        problem.problem_id,
        problem.question,
        tuple(right),
        tuple(wrong),
        reference_chain(problem, toolset) if uses_reference else None,
        tuple((tables.chain_of(row), row["correct"]) for row in rows if row["prefix_steps"]),
    )


def _pairs(
    built: Sequence[Candidates], recipe: Recipe, dialect: Dialect, drops: Counter[str]
) -> list[PreferencePair]:
    """The pairs of every problem; problems with the same question know of each other's."""
    settings, why_not = recipe.pairs, filter_of(recipe.pairs)
    weights: dict[str, float] = {**settings.strategies}
    by_question: dict[tuple[str, ...], list[PreferencePair]] = defaultdict(list)
    for candidates in built:
        known = by_question[words(candidates.question)]
        known += pair_up(
            candidates,
            weights,
            settings.per_problem,
            recipe.seed,
            dialect,
            drops,
            why_not,
            earlier=tuple(known),
        )
    made = [pair for known in by_question.values() for pair in known]
    return sorted(made, key=lambda pair: pair.problem_id)


def _balanced(
    made: list[PreferencePair],
    grouped: Mapping[str, Sequence[Row]],
    recipe: Recipe,
    drops: Counter[str],
) -> list[PreferencePair]:
    """At most `pairs.most` of the pairs."""
    strata = [_stratum(pair, grouped[pair.problem_id]) for pair in made]
    kept = balanced(strata, recipe.pairs.most, recipe.seed)
    if len(kept) < len(made):
        drops[BEYOND] += len(made) - len(kept)
    return [made[index] for index in kept]


def _stratum(pair: PreferencePair, rows: Sequence[Row]) -> Stratum:
    """Where the rejected chain was right (`concise`, `recovered`), the strategy is its failure."""
    judged = [row["correct"] for row in rows if not row["prefix_steps"]]
    failures = {row["task_id"]: row["failure"] for row in rows}
    return Stratum(
        task=rows[0]["problem"]["task"],
        difficulty=difficulty(judged.count(True), len(judged) - judged.count(None)),
        failure=failures[pair.rejected_chain_id] or pair.strategy,
    )


def _supervised(
    candidates: Candidates, recipe: Recipe, dialect: Dialect
) -> Iterator[dict[str, Any]]:
    """The right chains of a problem, no two the same; the worked one where there is no other."""
    chains: Sequence[Chain] = candidates.correct
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
            "prompt": dialect.prompt_messages(candidates.question),
            "completion": completion,
            "tools": dialect.tools and json.dumps(dialect.tools),
            "problem_id": candidates.problem_id,
            "chain_id": chain.chain_id,
        }
        if len(seen) == recipe.train.sft.per_problem:
            return


def _distinct(rows: Iterable[Row]) -> list[Row]:
    """Rows without those whose text an earlier one has."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(json.dumps([row["prompt"], row["completion"]]), row)
    return list(found.values())


def _outcomes(grouped: Mapping[str, Sequence[Row]]) -> Counter[str]:
    names = {True: "right", False: "wrong", None: "engine error"}
    return Counter(
        f"{row['model']}{' continued' if row['prefix_steps'] else ''} {names[row['correct']]}"
        for rows in grouped.values()
        for row in rows
    )


def _check(recipe: Recipe, facts: Mapping[str, Any]) -> None:
    """Raise StageFailed where there is nothing to train on."""
    needs_pairs = "dpo" in recipe.train.stages and not facts["rows_out"]
    needs_right = "sft" in recipe.train.stages and not facts["supervised"]
    if needs_pairs or needs_right:
        outcomes = ", ".join(f"{n:,} {name}" for name, n in sorted(facts["chains"].items()))
        drops = "; ".join(f"{why}: {n:,}" for why, n in facts["dropped"].items())
        what = "no pair could be built" if needs_pairs else "no chain was right"
        raise StageFailed(
            f"{what} from {facts['rows_in']:,} chains ({outcomes}); {drops}; "
            f"what may help: {_mend(facts['dropped']) if needs_pairs else MENDS[NO_RIGHT]}"
        )


def _mend(drops: Mapping[str, int]) -> str:
    known = {why: n for why, n in drops.items() if why in MENDS}
    return MENDS[max(known, key=lambda why: known[why])] if known else OTHERWISE

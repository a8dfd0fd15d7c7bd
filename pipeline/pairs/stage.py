"""The stage `pairs`: judged chains to preference pairs and correct chains, as Parquet.

`pairs/*.parquet` loads in TRL unchanged; `pairs/supervised/*.parquet` holds the correct chains for
the SFT stage. Drops are counted by reason.
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
from pipeline.pairs.bearing import has_bearing_call
from pipeline.pairs.candidates import Candidates
from pipeline.pairs.filters import BY_LIMIT, NEAR_DUPLICATE, UNEVEN_LENGTHS, filter_of
from pipeline.pairs.selection import NO_CORRECT, NO_INCORRECT, pair_up
from pipeline.problems.decontamination import words
from pipeline.problems.reference.chain import reference_chain
from pipeline.recipe.load import Recipe
from pipeline.records import Chain, PreferencePair, Problem, Step
from pipeline.run_dir import RunDir
from toolsets import Toolset

OVER_CAP = "beyond pairs.most"
NO_BEARING_CALL = "correct without a call that bears on the answer (pairs.needs_call)"
ADVICE = {  # what to change in the recipe, by the most frequent drop reason
    NO_INCORRECT: "more samples or a higher temperature of the student, or "
    "pairs.strategies.concise=1",
    NO_CORRECT: "more samples or a stronger teacher, or pairs.strategies.reference=1 if the data "
    "has reference solutions",
    NO_BEARING_CALL: "pairs.needs_call=false, or a teacher that calls functions",
    BY_LIMIT: "pairs.wrong_by_limit=keep, or more agent.max_steps and reply_tokens",
    UNEVEN_LENGTHS: "a larger pairs.max_length_ratio",
    NEAR_DUPLICATE: "a larger pairs.near_duplicate",
}
DEFAULT_ADVICE = (
    "more samples, a higher temperature, other pairs.strategies, or pairs.strategies.reference=1 "
    "if the data has reference solutions"
)

Row = Mapping[str, Any]


def pairs(
    recipe: Recipe, run: RunDir, dialect: Dialect, toolset: Toolset, earlier: Iterable[Row] = ()
) -> dict[str, Any]:
    """Build all pairs of a run; returns facts for run.json.

    `earlier` are rows of correct chains of earlier rounds, added to those of this round.
    Raises CannotStart if there are no chains, StageFailed if there is nothing to train on.
    """
    grouped = _by_problem(run)
    if not grouped:
        raise CannotStart(f"{run.chains} holds no chains; run generate first")
    drops: Counter[str] = Counter()
    all_candidates = [
        _candidates(tables.problem_of(rows[0]["problem"]), rows, recipe, toolset)
        for rows in grouped.values()
    ]
    if unaided := sum(len(candidates.unaided) for candidates in all_candidates):
        drops[NO_BEARING_CALL] += unaided
    built = _balanced(_pairs(all_candidates, recipe, dialect, drops), grouped, recipe, drops)
    correct = (
        row for candidates in all_candidates for row in _supervised(candidates, recipe, dialect)
    )
    supervised = _distinct([*earlier, *correct])
    facts = {
        "problems": len(grouped),
        "rows_in": sum(len(rows) for rows in grouped.values()),
        "chains": dict(_outcomes(grouped)),
        "rows_out": len(built),
        "strategies": dict(Counter(pair.strategy for pair in built)),
        "supervised": len(supervised),
        "failed_steps": sum(len(row.get("failed") or ()) for row in supervised),
        "dropped": dict(drops),
    }
    _check(recipe, facts)
    _write(run, [tables.pair_row(pair) for pair in built], supervised, dialect)
    groups = {name: group for name, rows in grouped.items() if (group := _group(rows[0]))}
    tables.write_groups(run.pairs, groups)
    return facts


def _group(row: Row) -> str:
    return row["problem"].get("group") or ""


def _write(
    run: RunDir, built: list[dict[str, Any]], supervised: Sequence[Row], dialect: Dialect
) -> None:
    native = dialect.tools is not None
    tables.write_parts(run.pairs, built, tables.PAIRS_NATIVE if native else tables.PAIRS)
    schema = tables.supervised_schema(native, supervised)
    tables.write_parts(run.pairs / "supervised", supervised, schema)


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
    whole = [row for row in rows if not row["prefix_steps"]]
    solved = [tables.chain_of(row) for row in rows if row["correct"] is True]
    unaided = _unaided(solved, problem, recipe)
    correct = [chain for chain in solved if not chain.prefix_steps and chain not in unaided]
    incorrect = [
        tables.chain_of(row)
        for row in whole
        if row["correct"] is False and row["model"] in recipe.pairs.rejected_from
    ]
    correct.sort(key=lambda chain: chain.model != "teacher")  # the teacher's first
    incorrect.sort(key=lambda chain: chain.model != "student")  # the student's first
    uses_reference = recipe.pairs.strategies.get("reference", 0) > 0
    return Candidates(
        problem.problem_id,
        problem.question,
        tuple(correct),
        tuple(incorrect),
        reference_chain(problem, toolset) if uses_reference else None,
        tuple((tables.chain_of(row), row["correct"]) for row in rows if row["prefix_steps"]),
        unaided,
    )


def _unaided(solved: Sequence[Chain], problem: Problem, recipe: Recipe) -> tuple[Chain, ...]:
    """The correct chains without a call that bears on their answer, if that matters."""
    if not recipe.pairs.needs_call:
        return ()
    return tuple(chain for chain in solved if not has_bearing_call(chain, problem.answer))


def _pairs(
    all_candidates: Sequence[Candidates], recipe: Recipe, dialect: Dialect, drops: Counter[str]
) -> list[PreferencePair]:
    """Build the pairs of every problem; problems with the same question share no duplicates."""
    settings, filter_pair = recipe.pairs, filter_of(recipe.pairs)
    weights: dict[str, float] = {**settings.strategies}
    by_question: dict[tuple[str, ...], list[PreferencePair]] = defaultdict(list)
    for candidates in all_candidates:
        earlier = by_question[words(candidates.question)]
        earlier += pair_up(
            candidates,
            weights,
            settings.per_problem,
            recipe.seed,
            dialect,
            drops,
            filter_pair,
            earlier=tuple(earlier),
        )
    built = [pair for group in by_question.values() for pair in group]
    return sorted(built, key=lambda pair: pair.problem_id)


def _balanced(
    built: list[PreferencePair],
    grouped: Mapping[str, Sequence[Row]],
    recipe: Recipe,
    drops: Counter[str],
) -> list[PreferencePair]:
    """Select at most `pairs.most` of the pairs."""
    strata = [_stratum(pair, grouped[pair.problem_id]) for pair in built]
    selected = balanced(strata, recipe.pairs.most, recipe.seed)
    if len(selected) < len(built):
        drops[OVER_CAP] += len(built) - len(selected)
    return [built[index] for index in selected]


def _stratum(pair: PreferencePair, rows: Sequence[Row]) -> Stratum:
    """A correct rejected chain (`concise`, `recovered`) has no failure; its strategy is used."""
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
    """The distinct correct chains of a problem; the reference solution if there are none."""
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
            "failed": _failed_replies(dialect, chain.steps),
        }
        if len(seen) == recipe.train.sft.per_problem:
            return


def _failed_replies(dialect: Dialect, steps: Sequence[Step]) -> list[int]:
    """The places of replies whose call failed among the rendered messages of `steps`."""
    places, place = [], 0
    for step in steps:
        if step.result is not None and not step.result.ok:
            places.append(place)
        place += len(render(dialect, [step]))
    return places


def _distinct(rows: Iterable[Row]) -> list[Row]:
    """Drop rows whose text repeats an earlier row."""
    by_text: dict[str, Row] = {}
    for row in rows:
        by_text.setdefault(json.dumps([row["prompt"], row["completion"]]), row)
    return list(by_text.values())


def _outcomes(grouped: Mapping[str, Sequence[Row]]) -> Counter[str]:
    names = {True: "right", False: "wrong", None: "engine error"}
    return Counter(
        f"{row['model']}{' continued' if row['prefix_steps'] else ''} {names[row['correct']]}"
        for rows in grouped.values()
        for row in rows
    )


def _check(recipe: Recipe, facts: Mapping[str, Any]) -> None:
    """Raise StageFailed if there is nothing to train on."""
    needs_pairs = "dpo" in recipe.train.stages and not facts["rows_out"]
    needs_supervised = "sft" in recipe.train.stages and not facts["supervised"]
    if needs_pairs or needs_supervised:
        outcomes = ", ".join(f"{n:,} {name}" for name, n in sorted(facts["chains"].items()))
        drops = "; ".join(f"{reason}: {n:,}" for reason, n in facts["dropped"].items())
        unaided = NO_BEARING_CALL in facts["dropped"]
        no_chain = f"no chain was correct{' with a call that bears on its answer' * unaided}"
        problem = "no pair could be built" if needs_pairs else no_chain
        raise StageFailed(
            f"{problem} from {facts['rows_in']:,} chains ({outcomes}); {drops}; "
            f"try {_advice(facts['dropped'], needs_pairs)}"
        )


def _advice(drops: Mapping[str, int], needs_pairs: bool) -> str:
    if not needs_pairs:
        return ADVICE[NO_BEARING_CALL if NO_BEARING_CALL in drops else NO_CORRECT]
    known = {reason: n for reason, n in drops.items() if reason in ADVICE}
    return ADVICE[max(known, key=lambda reason: known[reason])] if known else DEFAULT_ADVICE

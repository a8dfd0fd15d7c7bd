"""Which candidates become pairs: strategies by weight, filters, at most so many a problem.

Not here: the strategies and the filters themselves, how many pairs a whole run has
(`pipeline.pairs.balance`).
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pipeline.agent.prompt import Dialect, render
from pipeline.pairs.candidates import Candidates, Draft
from pipeline.pairs.filters import NO_DIFFERENCE, Filter, has_no_difference
from pipeline.pairs.strategies import STRATEGIES
from pipeline.records import Message, PreferencePair

TWICE = "the same pair twice"
BEYOND = "beyond pairs.per_problem"
NO_WRONG = "no wrong chain"
NO_RIGHT = "no right chain"
NO_FIT = "no strategy fits"


def no_filter(draft: Draft, pair: PreferencePair, kept: Sequence[PreferencePair]) -> str | None:
    """Drops nothing."""
    return None


def pair_up(
    candidates: Candidates,
    strategies: Mapping[str, float],
    per_problem: int,
    seed: int,
    dialect: Dialect,
    drops: Counter[str],
    why_not: Filter = no_filter,
    earlier: Sequence[PreferencePair] = (),
) -> list[PreferencePair]:
    """At most `per_problem` pairs of one problem, strategies drawn by weight.

    `earlier` are the pairs of other problems with the same question. Every candidate is a pair or
    counted in `drops`, and so is a problem without pairs.
    """
    kept, pairs = list(earlier), []
    drafts = _drawn(candidates, strategies, seed)
    for name, draft in drafts:
        pair, why = _judged(candidates, draft, name, dialect, kept, why_not)
        if pair is None:
            drops[why] += 1
            continue
        kept.append(pair)
        pairs.append(pair)
        if len(pairs) == per_problem:
            break
    if beyond := sum(1 for _ in drafts):
        drops[BEYOND] += beyond
    if not pairs:
        drops[_why_none(candidates, strategies)] += 1
    return pairs


def make_pair(
    candidates: Candidates, draft: Draft, strategy: str, dialect: Dialect
) -> PreferencePair:
    """The pair of a draft in `dialect`."""
    opening = dialect.prompt_messages(candidates.question)
    shared = render(dialect, draft.chosen.steps[: draft.shared])
    ids = f"{strategy}/{draft.chosen.chain_id}/{draft.rejected.chain_id}/{draft.shared}"
    return PreferencePair(
        pair_id=hashlib.sha256(ids.encode()).hexdigest()[:16],
        problem_id=candidates.problem_id,
        prompt=(*opening, *shared),
        chosen=_until_last_reply(render(dialect, draft.chosen.steps[draft.shared :])),
        rejected=_until_last_reply(render(dialect, draft.rejected.steps[draft.shared :])),
        tools=dialect.tools,
        strategy=strategy,
        chosen_chain_id=draft.chosen.chain_id,
        rejected_chain_id=draft.rejected.chain_id,
    )


def _drawn(
    candidates: Candidates, strategies: Mapping[str, float], seed: int
) -> Iterator[tuple[str, Draft]]:
    """Every candidate of every strategy that has a weight, strategies drawn by weight."""
    rng = random.Random(f"{seed}/{candidates.problem_id}")
    queues = {name: STRATEGIES[name](candidates) for name, w in strategies.items() if w > 0}
    while queues:
        name = rng.choices(list(queues), [strategies[name] for name in queues])[0]
        draft = next(queues[name], None)
        if draft is None:
            del queues[name]
        else:
            yield name, draft


def _judged(
    candidates: Candidates,
    draft: Draft,
    strategy: str,
    dialect: Dialect,
    kept: Sequence[PreferencePair],
    why_not: Filter,
) -> tuple[PreferencePair | None, str]:
    """The pair of a draft, or None and why it is dropped."""
    pair = make_pair(candidates, draft, strategy, dialect)
    if has_no_difference(pair):
        return None, NO_DIFFERENCE
    if any(_texts(pair) == _texts(other) for other in kept):
        return None, TWICE
    why = why_not(draft, pair, kept)
    return (pair, "") if why is None else (None, why)


def _until_last_reply(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Without a trailing result, which no model wrote an answer to."""
    end = len(messages)
    while end and messages[end - 1]["role"] != "assistant":
        end -= 1
    return tuple(messages[:end])


def _texts(pair: PreferencePair) -> tuple[object, ...]:
    return pair.prompt, pair.chosen, pair.rejected


def _why_none(candidates: Candidates, strategies: Mapping[str, float]) -> str:
    """Why a problem has no pair; `recovered` and `concise` need no wrong chain, `corrected` and
    `recovered` no right one."""
    names = {name for name, weight in strategies.items() if weight > 0}
    if not candidates.incorrect and not names & {"recovered", "concise"}:
        return NO_WRONG
    without_right = names & {"recovered", "corrected"} or candidates.reference is not None
    if not candidates.correct and not without_right:
        return NO_RIGHT
    return NO_FIT

"""Select the pairs of one problem: draw strategies by weight, filter, cap, count the drops.

Not here: the cap per run (`pipeline.pairs.balance`).
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

DUPLICATE = "the same pair twice"
OVER_CAP = "beyond pairs.per_problem"
NO_INCORRECT = "no incorrect chain"
NO_CORRECT = "no correct chain"
NO_FIT = "no strategy fits"


def no_filter(draft: Draft, pair: PreferencePair, selected: Sequence[PreferencePair]) -> str | None:
    """Drops nothing."""
    return None


def pair_up(
    candidates: Candidates,
    strategies: Mapping[str, float],
    per_problem: int,
    seed: int,
    dialect: Dialect,
    drops: Counter[str],
    filter_pair: Filter = no_filter,
    earlier: Sequence[PreferencePair] = (),
) -> list[PreferencePair]:
    """Build at most `per_problem` pairs of one problem, strategies drawn by weight.

    `earlier` are the pairs of other problems with the same question. Every candidate that does not
    become a pair is counted in `drops`, and so is a problem without pairs.
    """
    selected, pairs = list(earlier), []
    drafts = _draw(candidates, strategies, seed)
    for name, draft in drafts:
        pair = make_pair(candidates, draft, name, dialect)
        if reason := _drop_reason(draft, pair, selected, filter_pair):
            drops[reason] += 1
            continue
        selected.append(pair)
        pairs.append(pair)
        if len(pairs) == per_problem:
            break
    if over := sum(1 for _ in drafts):
        drops[OVER_CAP] += over
    if not pairs:
        drops[_no_pair_reason(candidates, strategies)] += 1
    return pairs


def make_pair(
    candidates: Candidates, draft: Draft, strategy: str, dialect: Dialect
) -> PreferencePair:
    """Render a draft as a pair in `dialect`."""
    messages = dialect.prompt_messages(candidates.question)
    shared = render(dialect, draft.chosen.steps[: draft.shared])
    ids = f"{strategy}/{draft.chosen.chain_id}/{draft.rejected.chain_id}/{draft.shared}"
    return PreferencePair(
        pair_id=hashlib.sha256(ids.encode()).hexdigest()[:16],
        problem_id=candidates.problem_id,
        prompt=(*messages, *shared),
        chosen=_drop_trailing_result(render(dialect, draft.chosen.steps[draft.shared :])),
        rejected=_drop_trailing_result(render(dialect, draft.rejected.steps[draft.shared :])),
        tools=dialect.tools,
        strategy=strategy,
        chosen_chain_id=draft.chosen.chain_id,
        rejected_chain_id=draft.rejected.chain_id,
    )


def _draw(
    candidates: Candidates, strategies: Mapping[str, float], seed: int
) -> Iterator[tuple[str, Draft]]:
    """All candidates of all strategies with a weight above 0, strategies drawn by weight."""
    rng = random.Random(f"{seed}/{candidates.problem_id}")
    queues = {name: STRATEGIES[name](candidates) for name, w in strategies.items() if w > 0}
    while queues:
        name = rng.choices(list(queues), [strategies[name] for name in queues])[0]
        draft = next(queues[name], None)
        if draft is None:
            del queues[name]
        else:
            yield name, draft


def _drop_reason(
    draft: Draft, pair: PreferencePair, selected: Sequence[PreferencePair], filter_pair: Filter
) -> str | None:
    if has_no_difference(pair):
        return NO_DIFFERENCE
    if any(_texts(pair) == _texts(other) for other in selected):
        return DUPLICATE
    return filter_pair(draft, pair, selected)


def _drop_trailing_result(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Drop messages after the model's last reply."""
    end = len(messages)
    while end and messages[end - 1]["role"] != "assistant":
        end -= 1
    return tuple(messages[:end])


def _texts(pair: PreferencePair) -> tuple[object, ...]:
    return pair.prompt, pair.chosen, pair.rejected


def _no_pair_reason(candidates: Candidates, strategies: Mapping[str, float]) -> str:
    """Why a problem has no pair. `recovered` and `concise` need no incorrect chain, `corrected` and
    `recovered` no correct one."""
    names = {name for name, weight in strategies.items() if weight > 0}
    if not candidates.incorrect and not names & {"recovered", "concise"}:
        return NO_INCORRECT
    needs_no_correct = names & {"recovered", "corrected"} or candidates.reference is not None
    if not candidates.correct and not needs_no_correct:
        return NO_CORRECT
    return NO_FIT

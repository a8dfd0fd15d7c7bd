"""Pairing strategies: a problem's judged chains become preference pairs.

Each strategy is a pure function from right and wrong chains of one problem to candidate pairs, best
candidates first. `pair_up` draws from the strategies by weight, caps and counts what it drops.

    outcome            a right chain is preferred to a wrong one, whole
    first_divergence   the same, from the step where they part: what they share becomes prompt
    reference          the worked solution is preferred to a wrong chain

Not here: reading chains and writing pairs (`pipeline.pairs`), masks (`pipeline.transcript`).
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from pipeline.prompt import Dialect, render
from pipeline.records import Chain, Message, PreferencePair, Step


@dataclass(frozen=True, slots=True)
class Candidates:
    """Chains of one problem: `right` and `wrong` ones that a model made, and the worked one."""

    problem_id: str
    question: str
    right: tuple[Chain, ...]
    wrong: tuple[Chain, ...]
    reference: Chain | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A pair of chains that share their first `shared` steps."""

    chosen: Chain
    rejected: Chain
    shared: int = 0


Strategy = Callable[[Candidates], Iterator[Draft]]


def outcome(candidates: Candidates) -> Iterator[Draft]:
    """A right chain against a wrong one."""
    for chosen, rejected in _combinations(candidates.right, candidates.wrong):
        yield Draft(chosen, rejected)


def first_divergence(candidates: Candidates) -> Iterator[Draft]:
    """A right chain against a wrong one from the step where they part, longest agreement first."""
    drafts = [
        Draft(chosen, rejected, shared_steps(chosen, rejected))
        for chosen in candidates.right
        for rejected in candidates.wrong
    ]
    yield from sorted(drafts, key=lambda draft: -draft.shared)


def reference(candidates: Candidates) -> Iterator[Draft]:
    """The worked solution against each wrong chain."""
    if candidates.reference is not None:
        for rejected in candidates.wrong:
            yield Draft(candidates.reference, rejected)


STRATEGIES: Mapping[str, Strategy] = {
    "outcome": outcome,
    "first_divergence": first_divergence,
    "reference": reference,
}


def pair_up(
    candidates: Candidates,
    strategies: Mapping[str, float],
    per_problem: int,
    seed: int,
    dialect: Dialect,
    drops: Counter[str],
) -> list[PreferencePair]:
    """At most `per_problem` pairs of one problem, strategies drawn by weight; drops are counted."""
    rng = random.Random(f"{seed}/{candidates.problem_id}")
    queues = {name: STRATEGIES[name](candidates) for name, w in strategies.items() if w > 0}
    pairs: list[PreferencePair] = []
    seen: set[tuple[str, str, str]] = set()
    while queues and len(pairs) < per_problem:
        name = rng.choices(list(queues), [strategies[name] for name in queues])[0]
        draft = next(queues[name], None)
        if draft is None:
            del queues[name]
            continue
        pair = make_pair(candidates, draft, name, dialect)
        if pair is None:
            drops["rejected is the beginning of chosen"] += 1
        elif (key := _text_key(pair)) in seen:
            drops["the same pair twice"] += 1
        else:
            seen.add(key)
            pairs.append(pair)
    if not pairs:
        drops[_why_none(candidates)] += 1
    return pairs


def make_pair(
    candidates: Candidates, draft: Draft, strategy: str, dialect: Dialect
) -> PreferencePair | None:
    """The pair of a draft in `dialect`, or None where the rejected side is the other's beginning:
    the same text, or a chain that was cut off before it parted."""
    opening = dialect.opening(candidates.question)
    shared = render(dialect, draft.chosen.steps[: draft.shared])
    chosen = _until_last_reply(render(dialect, draft.chosen.steps[draft.shared :]))
    rejected = _until_last_reply(render(dialect, draft.rejected.steps[draft.shared :]))
    if rejected == chosen[: len(rejected)]:
        return None
    ids = f"{strategy}/{draft.chosen.chain_id}/{draft.rejected.chain_id}"
    return PreferencePair(
        pair_id=hashlib.sha256(ids.encode()).hexdigest()[:16],
        problem_id=candidates.problem_id,
        prompt=(*opening, *shared),
        chosen=chosen,
        rejected=rejected,
        tools=dialect.tools,
        strategy=strategy,
        chosen_chain_id=draft.chosen.chain_id,
        rejected_chain_id=draft.rejected.chain_id,
    )


def shared_steps(first: Chain, second: Chain) -> int:
    """How many steps two chains have in common before they part; at least one is left to each
    that has any."""
    same = takewhile(_alike, zip(first.steps, second.steps, strict=False))
    return max(0, min(sum(1 for _ in same), len(first.steps) - 1, len(second.steps) - 1))


def _alike(steps: tuple[Step, Step]) -> bool:
    first, second = steps
    return first.reply == second.reply and first.result == second.result


def _until_last_reply(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Without a trailing result, which no model wrote an answer to."""
    end = len(messages)
    while end and messages[end - 1]["role"] != "assistant":
        end -= 1
    return tuple(messages[:end])


def _combinations(right: Sequence[Chain], wrong: Sequence[Chain]) -> Iterator[tuple[Chain, Chain]]:
    """Every right chain with every wrong one, so that the first pairs use different chains."""
    for shift in range(len(wrong)):
        for index, chosen in enumerate(right):
            yield chosen, wrong[(index + shift) % len(wrong)]


def _text_key(pair: PreferencePair) -> tuple[str, str, str]:
    return str(pair.prompt), str(pair.chosen), str(pair.rejected)


def _why_none(candidates: Candidates) -> str:
    if not candidates.wrong:
        return "no wrong chain"
    if not candidates.right and candidates.reference is None:
        return "no right chain"
    return "no strategy fits"

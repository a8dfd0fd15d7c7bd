"""Pairing strategies: pure functions from the chains of one problem to candidate pairs, best first.

    outcome            a right chain is preferred to a wrong one, whole
    first_divergence   the same, from the step where they part: what they share becomes prompt
    reference          the worked solution is preferred to a wrong chain
    recovered          within one chain: the mended call is preferred to the failed one before it
    concise            a right chain is preferred to a right one that took more steps or tokens
    corrected          the teacher's way on from where the student's wrong chain could still be
                       saved is preferred to the student's own

Not here: weights, filters, caps (`pipeline.pairs.selection`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, permutations

from pipeline.pairs.candidates import Candidates, Draft, shared_steps
from pipeline.records import Chain, Step
from toolsets import ToolCall

Strategy = Callable[[Candidates], Iterator[Draft]]
Way = tuple[Chain | None, bool | None]  # what the teacher made from a step on, and if it was right

STUDENT, TEACHER = "student", "teacher"
FEWER_TOKENS = 0.8  # of the other's: what counts as fewer, where both chains have as many steps

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d]\w*")  # numbers and names


def outcome(candidates: Candidates) -> Iterator[Draft]:
    """A right chain against a wrong one."""
    for chosen, rejected in _combinations(candidates.correct, candidates.incorrect):
        yield Draft(chosen, rejected)


def first_divergence(candidates: Candidates) -> Iterator[Draft]:
    """A right chain against a wrong one from the step where they part, longest agreement first."""
    drafts = [
        Draft(chosen, rejected, shared_steps(chosen, rejected))
        for chosen in candidates.correct
        for rejected in candidates.incorrect
    ]
    yield from sorted(drafts, key=lambda draft: -draft.shared)


def reference(candidates: Candidates) -> Iterator[Draft]:
    """The worked solution against each wrong chain."""
    if candidates.reference is not None:
        for rejected in candidates.incorrect:
            yield Draft(candidates.reference, rejected)


def recovered(candidates: Candidates) -> Iterator[Draft]:
    """A call that succeeded against the failed one right before it, where it `mends` that; right
    chains first. Either side is that one reply, all before it is prompt."""
    for chain in (*candidates.correct, *candidates.incorrect):
        for index, (failed, next_one) in enumerate(pairwise(chain.steps)):
            if mends(failed, next_one):
                before = chain.steps[:index]
                chosen = replace(chain, steps=(*before, next_one))
                yield Draft(chosen, replace(chain, steps=(*before, failed)), index)


def concise(candidates: Candidates) -> Iterator[Draft]:
    """A right chain against a right one that took longer, the largest saving first (after Rational
    Metareasoning, arXiv 2410.05563).

    Longer is: more steps, a failed call being one; or as many steps and more tokens, so that the
    shorter has at most FEWER_TOKENS of them. Tokens are compared between chains of one model, as
    each model counts its own.
    """
    drafts = [Draft(a, b) for a, b in permutations(candidates.correct, 2) if _is_longer(b, a)]
    yield from sorted(drafts, key=_saving, reverse=True)


def corrected(candidates: Candidates) -> Iterator[Draft]:
    """The teacher's way on against the student's, from the step where the student went wrong for
    good (`first_fatal_step`)."""
    for rejected in candidates.incorrect:
        if rejected.model != STUDENT:
            continue
        ways = _ways_on(candidates, rejected)
        fatal = first_fatal_step([right for _, right in ways])
        if fatal is not None and (chosen := ways[fatal][0]) is not None:
            yield Draft(chosen, rejected, fatal)


STRATEGIES: Mapping[str, Strategy] = {
    "outcome": outcome,
    "first_divergence": first_divergence,
    "reference": reference,
    "recovered": recovered,
    "concise": concise,
    "corrected": corrected,
}


def mends(failed: Step, mended: Step) -> bool:
    """Whether `mended` is what `failed` tried, and succeeded.

    What a failed call tried can often not be parsed, so its text tells: it names the function that
    then succeeded, or it holds every number and name of that call's arguments (a wrong name of a
    function). An answer is no mended call, as it may be wrong.
    """
    if failed.result is None or failed.result.ok:
        return False
    if mended.call is None or mended.result is None or not mended.result.ok:
        return False
    tried = set(_WORD.findall(failed.reply))
    wanted = {*_words(mended.call)}
    return mended.call.name in tried or (bool(wanted) and wanted <= tried)


def first_fatal_step(right: Sequence[bool | None]) -> int | None:
    """The first step of a wrong chain that the teacher could not make up for.

    `right[k]` says whether the teacher, given the first k steps, came to the right answer (None:
    not known); behind the last stands the chain itself, wrong. None where the teacher was never
    right, or every place where that turned is unknown. One sample a step: a teacher that fails by
    chance moves the step forward.
    """
    for step, (before, after) in enumerate(pairwise([*right, False])):
        if before is True and after is False:
            return step
    return None


def _words(call: ToolCall) -> Iterator[str]:
    """The numbers and names in a call's arguments, the names of parameters left out."""
    for value in call.arguments.values():
        yield from _WORD.findall(str(value))


def _ways_on(candidates: Candidates, rejected: Chain) -> list[Way]:
    """What the teacher came to from each of the first steps of `rejected`; from none of them, that
    is its own chain: a right one if it has any."""
    own = next((chain for chain in candidates.correct if chain.model == TEACHER), None)
    by_steps: dict[int, Way] = {
        chain.prefix_steps: (chain, right)
        for chain, right in candidates.continued
        if chain.sample_index == rejected.sample_index
    }
    later = range(1, len(rejected.steps))
    return [(own, own is not None), *(by_steps.get(step, (None, None)) for step in later)]


def _combinations(right: Sequence[Chain], wrong: Sequence[Chain]) -> Iterator[tuple[Chain, Chain]]:
    """Every right chain with every wrong one, so that the first pairs use different chains."""
    for shift in range(len(wrong)):
        for index, chosen in enumerate(right):
            yield chosen, wrong[(index + shift) % len(wrong)]


def _is_longer(chain: Chain, than: Chain) -> bool:
    if len(chain.steps) != len(than.steps):
        return len(chain.steps) > len(than.steps)
    return chain.model == than.model and than.tokens <= FEWER_TOKENS * chain.tokens < chain.tokens


def _saving(draft: Draft) -> tuple[int, int]:
    """Steps and tokens that the chosen chain saves."""
    steps = len(draft.rejected.steps) - len(draft.chosen.steps)
    return steps, draft.rejected.tokens - draft.chosen.tokens

"""Pairing strategies: pure functions from the chains of one problem to candidate pairs, best first.

outcome            a correct chain is preferred to an incorrect one, as a whole
first_divergence   the same, from the step where they diverge: shared steps become prompt
reference          the reference solution is preferred to an incorrect chain
recovered          within one chain: the corrected call is preferred to the failed one before it
concise            a correct chain is preferred to a correct one with more steps or tokens
corrected          the teacher's continuation of the student's incorrect chain is preferred to
                   the student's, from the step that made the chain incorrect
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, permutations

from pipeline.pairs.candidates import Candidates, Draft, shared_steps
from pipeline.pairs.filters import is_by_limit
from pipeline.records import Chain, Step
from toolsets import ToolCall

Strategy = Callable[[Candidates], Iterator[Draft]]
Continuation = tuple[Chain | None, bool | None]  # by the teacher, and whether it is correct

STUDENT, TEACHER = "student", "teacher"
FEWER_TOKENS = 0.8  # largest ratio of tokens at which a chain of as many steps counts as shorter

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d]\w*")  # numbers and names


def outcome(candidates: Candidates) -> Iterator[Draft]:
    """A correct chain against an incorrect one."""
    for chosen, rejected in _combinations(candidates.correct, candidates.incorrect):
        yield Draft(chosen, rejected)


def first_divergence(candidates: Candidates) -> Iterator[Draft]:
    """A correct chain against an incorrect one from the step where they diverge, most shared steps
    first."""
    drafts = [
        Draft(chosen, rejected, shared_steps(chosen, rejected))
        for chosen in candidates.correct
        for rejected in candidates.incorrect
    ]
    yield from sorted(drafts, key=lambda draft: -draft.shared)


def reference(candidates: Candidates) -> Iterator[Draft]:
    """The reference solution against each incorrect chain."""
    if candidates.reference is not None:
        for rejected in candidates.incorrect:
            yield Draft(candidates.reference, rejected)


def recovered(candidates: Candidates) -> Iterator[Draft]:
    """A call that corrects the failed one right before it (`is_corrected_by`) against that one.

    Each side is that one reply, all steps before it are prompt. Correct chains first.
    """
    for chain in (*candidates.correct, *candidates.incorrect):
        for index, (failed, next_one) in enumerate(pairwise(chain.steps)):
            if is_corrected_by(failed, next_one):
                before = chain.steps[:index]
                chosen = replace(chain, steps=(*before, next_one))
                yield Draft(chosen, replace(chain, steps=(*before, failed)), index)


def concise(candidates: Candidates) -> Iterator[Draft]:
    """A correct chain against a longer correct one, the largest saving first (after Rational
    Metareasoning, arXiv 2410.05563).

    A longer chain has more steps, failed calls included; or as many steps and so many tokens that
    the shorter chain has at most FEWER_TOKENS of them. Tokens are compared only between chains of
    one model, as tokenizers differ.
    """
    drafts = [Draft(a, b) for a, b in permutations(candidates.correct, 2) if _is_longer(b, a)]
    yield from sorted(drafts, key=_saving, reverse=True)


def corrected(candidates: Candidates) -> Iterator[Draft]:
    """The teacher's continuation against the student's, from the student's `first_fatal_step`."""
    for rejected in candidates.incorrect:
        if rejected.model != STUDENT:
            continue
        continuations = _continuations(candidates, rejected)
        whole = None if is_by_limit(rejected) else False
        fatal = first_fatal_step([correct for _, correct in continuations], whole)
        chosen = None if fatal is None else continuations[fatal][0]
        if fatal is not None and chosen is not None and chosen not in candidates.unaided:
            yield Draft(chosen, rejected, fatal)


STRATEGIES: Mapping[str, Strategy] = {
    "outcome": outcome,
    "first_divergence": first_divergence,
    "reference": reference,
    "recovered": recovered,
    "concise": concise,
    "corrected": corrected,
}


def is_corrected_by(failed: Step, later: Step) -> bool:
    """Whether `failed` is a failed call and `later` the same call, corrected and successful.

    A failed call can often not be parsed, so its text is compared: it names the function of the
    later call, or it contains every number and name of that call's arguments (a wrong function
    name). An answer corrects no call, as it may be incorrect. A reply with several calls neither
    is corrected nor corrects: which of its calls belongs to which is not known.
    """
    if failed.result is None or failed.result.ok or failed.parallel or later.parallel:
        return False
    if later.call is None or later.result is None or not later.result.ok:
        return False
    tried = set(_WORD.findall(failed.reply))
    words = {*_words(later.call)}
    return later.call.name in tried or (bool(words) and words <= tried)


def first_fatal_step(correct: Sequence[bool | None], whole: bool | None = False) -> int | None:
    """The first step of an incorrect chain that turns continuations from correct to incorrect.

    `correct[k]` says whether the teacher's continuation after the first k steps is correct (None:
    unknown). The `whole` chain counts as one more continuation, incorrect unless only a limit ended
    it (None). Returns None if no correct continuation is followed directly by an incorrect one.
    There is one sample per step, so a teacher that fails by chance moves the result to an earlier
    step.
    """
    for step, (before, after) in enumerate(pairwise([*correct, whole])):
        if before is True and after is False:
            return step
    return None


def _words(call: ToolCall) -> Iterator[str]:
    """The numbers and names in a call's arguments, without parameter names."""
    for value in call.arguments.values():
        yield from _WORD.findall(str(value))


def _continuations(candidates: Candidates, rejected: Chain) -> list[Continuation]:
    """The teacher's continuation of `rejected` after 0, 1, 2, ... steps. After 0 steps it is the
    teacher's first correct chain, or None. One that only reached a limit shows nothing."""
    whole = (*candidates.correct, *candidates.unaided)
    from_start = next((chain for chain in whole if chain.model == TEACHER), None)
    by_steps: dict[int, Continuation] = {
        chain.prefix_steps: (chain, None if _is_cut(chain) else correct)
        for chain, correct in candidates.continued
        if chain.sample_index == rejected.sample_index
    }
    counts = range(1, len(rejected.steps))
    return [
        (from_start, from_start is not None),
        *(by_steps.get(count, (None, None)) for count in counts),
    ]


def _is_cut(continuation: Chain) -> bool:
    """Whether a continuation ended at its last step or at the context's end, or by a limit alone:
    with more of it, it might have been correct."""
    return continuation.stop_reason in ("max_steps", "context_full") or is_by_limit(continuation)


def _combinations(
    correct: Sequence[Chain], incorrect: Sequence[Chain]
) -> Iterator[tuple[Chain, Chain]]:
    """Every correct chain with every incorrect one; the first pairs use different chains."""
    for shift in range(len(incorrect)):
        for index, chosen in enumerate(correct):
            yield chosen, incorrect[(index + shift) % len(incorrect)]


def _is_longer(chain: Chain, than: Chain) -> bool:
    if len(chain.steps) != len(than.steps):
        return len(chain.steps) > len(than.steps)
    return chain.model == than.model and than.tokens <= FEWER_TOKENS * chain.tokens < chain.tokens


def _saving(draft: Draft) -> tuple[int, int]:
    """Steps and tokens that the chosen chain saves."""
    steps = len(draft.rejected.steps) - len(draft.chosen.steps)
    return steps, draft.rejected.tokens - draft.chosen.tokens

"""Filters: which candidate pairs are not fit to be learned from, and why.

Each is a predicate of its own, with a count of its own among the drops.

Not here: what is drawn from which strategy (`pipeline.pairs.selection`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence

from pipeline.pairs.candidates import Draft
from pipeline.recipe.pairs import Pairs
from pipeline.records import Chain, Message, PreferencePair

Filter = Callable[[Draft, PreferencePair, Sequence[PreferencePair]], str | None]
"""Why a candidate is dropped, given the pairs kept of the same question; None: it is not."""

NO_DIFFERENCE = "no model-written difference"
NOT_REJECTED_FROM = "rejected side of a model not in pairs.rejected_from"
BY_LIMIT = "rejected only by a limit (pairs.wrong_by_limit)"
UNEVEN = "lengths too far apart (pairs.max_length_ratio)"
NEAR_DUPLICATE = "nearly the same as another pair (pairs.near_duplicate)"

LIMITS = ("max_steps", "max_failures", "context_full")  # stop reasons
_WORD = re.compile(r"\w+|[^\w\s]")


def filter_of(settings: Pairs) -> Filter:
    """The filter of a recipe: the first reason that holds, the cheapest to tell first."""

    def why(draft: Draft, pair: PreferencePair, kept: Sequence[PreferencePair]) -> str | None:
        if draft.rejected.model not in settings.rejected_from:
            return NOT_REJECTED_FROM
        if settings.wrong_by_limit == "drop" and is_by_limit(draft.rejected):
            return BY_LIMIT
        most = settings.max_length_ratio
        if most is not None and length_ratio(pair) > most:
            return UNEVEN
        share = settings.near_duplicate
        if share is not None and any(is_near_duplicate(pair, other, share) for other in kept):
            return NEAR_DUPLICATE
        return None

    return why


def has_no_difference(pair: PreferencePair) -> bool:
    """Whether the model wrote nothing on the rejected side but the beginning of the chosen one."""
    chosen, rejected = written(pair.chosen), written(pair.rejected)
    return chosen[: len(rejected)] == rejected


def is_by_limit(chain: Chain) -> bool:
    """Whether a chain ended at a limit of steps, context or a call's resources, with no other fault
    in its last step; what it wrote may have been on the way to the right answer."""
    if chain.stop_reason not in LIMITS:
        return False
    result = chain.steps[-1].result if chain.steps else None
    return result is None or result.ok or result.error_kind == "limit_exceeded"


def length_ratio(pair: PreferencePair) -> float:
    """The longer side's model-written characters over the shorter side's."""
    lengths = [sum(map(len, written(side))) for side in (pair.chosen, pair.rejected)]
    return max(lengths) / max(1, min(lengths))


def is_near_duplicate(pair: PreferencePair, other: PreferencePair, share: float) -> bool:
    """Whether two pairs of one question part at the same step and on each side have at least
    `share` of their words in common (Jaccard, a word counted as often as it stands there)."""
    return (
        len(pair.prompt) == len(other.prompt)
        and _likeness(pair.chosen, other.chosen) >= share
        and _likeness(pair.rejected, other.rejected) >= share
    )


def written(messages: Sequence[Message]) -> tuple[str, ...]:
    """What the model wrote, turn by turn."""
    turns = (message for message in messages if message["role"] == "assistant")
    return tuple(
        (turn["content"] or "") + (json.dumps(calls) if (calls := turn.get("tool_calls")) else "")
        for turn in turns
    )


def _likeness(first: Sequence[Message], second: Sequence[Message]) -> float:
    a, b = (Counter(_WORD.findall(" ".join(written(side)))) for side in (first, second))
    return (a & b).total() / max(1, (a | b).total())

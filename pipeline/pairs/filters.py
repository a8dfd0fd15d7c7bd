"""Filters: drop candidate pairs that are not fit for training.

Each filter is one predicate, counted under one reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

from pipeline.pairs.candidates import Draft
from pipeline.problems.decontamination import words_and_signs
from pipeline.recipe.pairs import Pairs
from pipeline.records import Chain, Message, PreferencePair

Filter = Callable[[Draft, PreferencePair, Sequence[PreferencePair]], str | None]
"""Returns why a candidate is dropped, or None; the last argument is the pairs selected so far for
the same question."""

NO_DIFFERENCE = "no model-written difference"
NOT_REJECTED_FROM = "rejected side is from a model not in pairs.rejected_from"
BY_LIMIT = "incorrect only by a limit (pairs.wrong_by_limit)"
UNEVEN_LENGTHS = "lengths too far apart (pairs.max_length_ratio)"
NEAR_DUPLICATE = "near duplicate of another pair (pairs.near_duplicate)"

LIMITS = ("max_steps", "max_failures", "context_full")  # stop reasons


def filter_of(settings: Pairs) -> Filter:
    """Build the filter of a recipe: it returns the first reason that applies, cheapest first."""

    def drop_reason(
        draft: Draft, pair: PreferencePair, selected: Sequence[PreferencePair]
    ) -> str | None:
        if draft.rejected.model not in settings.rejected_from:
            return NOT_REJECTED_FROM
        if settings.wrong_by_limit == "drop" and is_by_limit(draft.rejected):
            return BY_LIMIT
        max_ratio = settings.max_length_ratio
        if max_ratio is not None and length_ratio(pair) > max_ratio:
            return UNEVEN_LENGTHS
        share = settings.near_duplicate
        if share is not None and any(is_near_duplicate(pair, other, share) for other in selected):
            return NEAR_DUPLICATE
        return None

    return drop_reason


def has_no_difference(pair: PreferencePair) -> bool:
    """Whether the model's text on the rejected side is a prefix of that on the chosen side."""
    chosen, rejected = model_turns(pair.chosen), model_turns(pair.rejected)
    return chosen[: len(rejected)] == rejected


def is_by_limit(chain: Chain) -> bool:
    """Whether a chain ended at a limit of steps, context or a call's resources, with no other
    failure in its last step; without the limit it might have been correct."""
    if chain.stop_reason not in LIMITS:
        return False
    result = chain.steps[-1].result if chain.steps else None
    return result is None or result.ok or result.error_kind == "limit_exceeded"


def length_ratio(pair: PreferencePair) -> float:
    """Ratio of model-written characters, longer side to shorter side."""
    lengths = [sum(map(len, model_turns(side))) for side in (pair.chosen, pair.rejected)]
    return max(lengths) / max(1, min(lengths))


def is_near_duplicate(pair: PreferencePair, other: PreferencePair, share: float) -> bool:
    """Whether two pairs of one question diverge at the same step and on each side have a word
    overlap of at least `share`."""
    return (
        len(pair.prompt) == len(other.prompt)
        and _word_overlap(pair.chosen, other.chosen) >= share
        and _word_overlap(pair.rejected, other.rejected) >= share
    )


def model_turns(messages: Sequence[Message]) -> tuple[str, ...]:
    """The text of each turn that the model wrote, tool calls as JSON."""
    turns = (message for message in messages if message["role"] == "assistant")
    return tuple(
        (turn["content"] or "") + (json.dumps(calls) if (calls := turn.get("tool_calls")) else "")
        for turn in turns
    )


def _word_overlap(first: Sequence[Message], second: Sequence[Message]) -> float:
    """Jaccard similarity of the multisets of words."""
    a, b = (Counter(words_and_signs(" ".join(model_turns(side)))) for side in (first, second))
    return (a & b).total() / max(1, (a | b).total())

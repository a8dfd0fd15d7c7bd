from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from pipeline.pairs.candidates import Draft
from pipeline.pairs.filters import (
    BY_LIMIT,
    NEAR_DUPLICATE,
    NO_DIFFERENCE,
    NOT_REJECTED_FROM,
    UNEVEN_LENGTHS,
    filter_of,
    has_no_difference,
    is_by_limit,
    is_near_duplicate,
    length_ratio,
)
from pipeline.pairs.selection import make_pair, pair_up
from pipeline.recipe.pairs import Pairs
from pipeline.records import Chain, PreferencePair
from tests.pipeline.pairs.chains import (
    CORRECT,
    CORRECT_2,
    DIALECT,
    EARLY,
    EMPTY,
    LATE,
    STUCK,
    candidates,
    chain,
)
from toolsets import ToolResult


def _pair(chosen: Chain, rejected: Chain, shared: int = 0) -> PreferencePair:
    return make_pair(candidates(), Draft(chosen, rejected, shared), "outcome", DIALECT)


def _drop_reason(
    chosen: Chain, rejected: Chain, *selected: PreferencePair, **settings: Any
) -> str | None:
    draft = Draft(chosen, rejected)
    return filter_of(Pairs(**settings))(draft, _pair(chosen, rejected), selected)


def test_a_pair_without_a_model_written_difference_is_detected() -> None:
    other_result = replace(CORRECT.steps[0], result=ToolResult(True, "13"))
    same_words = replace(CORRECT, steps=(other_result, *CORRECT.steps[1:]))
    cut = replace(CORRECT, steps=CORRECT.steps[:2])
    assert has_no_difference(_pair(CORRECT, CORRECT))
    assert has_no_difference(_pair(CORRECT, same_words))  # only the function result differs
    assert has_no_difference(_pair(CORRECT, cut))
    assert has_no_difference(_pair(CORRECT, EMPTY))
    assert not has_no_difference(_pair(cut, CORRECT))
    assert not has_no_difference(_pair(CORRECT, LATE))


@pytest.mark.parametrize(
    ("rejected", "limit"),
    [
        (LATE, False),
        (STUCK, False),  # until max_steps, but with a failed call that was never corrected
        (EMPTY, True),
        (chain("unfinished", "multiply(a=3, b=4)"), True),
        (replace(chain("full", "multiply(a=3, b=4)"), stop_reason="context_full"), True),
        (
            replace(
                STUCK,
                steps=(
                    replace(
                        CORRECT.steps[0], result=ToolResult(False, "too long", "limit_exceeded")
                    ),
                ),
            ),
            True,
        ),
    ],
)
def test_a_chain_that_is_incorrect_only_by_a_limit_is_detected(
    rejected: Chain, limit: bool
) -> None:
    assert is_by_limit(rejected) is limit
    assert _drop_reason(CORRECT_2, rejected, wrong_by_limit="drop") == (BY_LIMIT if limit else None)
    assert _drop_reason(CORRECT_2, rejected, max_length_ratio=None) is None


def test_the_length_ratio_counts_model_written_characters() -> None:
    long = len("multiply(a=3, b=4)") + len("subtract(a=12, b=2)") + len("answer(10)")
    short = len("add(a=3, b=4)") + len("answer(7)")
    pair = _pair(CORRECT, EARLY)
    assert length_ratio(pair) == length_ratio(_pair(EARLY, CORRECT)) == long / short
    assert _drop_reason(CORRECT, EARLY, max_length_ratio=2.1) == UNEVEN_LENGTHS
    assert _drop_reason(CORRECT, EARLY, max_length_ratio=2.2) is None
    assert _drop_reason(CORRECT, EARLY, max_length_ratio=None) is None


def test_a_near_duplicate_shares_its_words_on_both_sides() -> None:
    pair = _pair(CORRECT, LATE)
    respelled = chain("respelled", "multiply( a=3, b=4 )", "subtract(a=12,b=3)", "answer(9)")
    assert is_near_duplicate(_pair(CORRECT, respelled), pair, 1.0)
    one_number = chain("one number", "multiply(a=3, b=4)", "subtract(a=12, b=3)", "answer(8)")
    # the rejected side has 24 words and signs, one differs: 23 / 25
    assert is_near_duplicate(_pair(CORRECT, one_number), pair, 0.92)
    assert not is_near_duplicate(_pair(CORRECT, one_number), pair, 0.93)
    assert not is_near_duplicate(_pair(CORRECT, EARLY), pair, 0.5)
    assert not is_near_duplicate(_pair(EARLY, LATE), pair, 0.5)


def test_pairs_that_diverge_at_different_steps_are_no_duplicates() -> None:
    assert not is_near_duplicate(_pair(CORRECT, LATE, 1), _pair(CORRECT, LATE), 0.1)


def test_near_duplicates_are_dropped_at_the_share_of_the_recipe() -> None:
    respelled = chain("respelled", "multiply( a=3, b=4 )", "subtract(a=12,b=3)", "answer(9)")
    selected = _pair(CORRECT, LATE)
    assert _drop_reason(CORRECT, respelled, selected) == NEAR_DUPLICATE
    assert _drop_reason(CORRECT, respelled, selected, near_duplicate=None) is None
    assert _drop_reason(CORRECT, respelled) is None


def test_a_rejected_side_from_a_model_outside_rejected_from_is_dropped() -> None:
    teachers = replace(LATE, model="teacher")
    assert _drop_reason(CORRECT, teachers, rejected_from=["student"]) == NOT_REJECTED_FROM
    assert _drop_reason(CORRECT, teachers, rejected_from=["teacher"]) is None


def test_each_filter_has_its_own_count() -> None:
    respelled = chain("respelled", "multiply( a=3, b=4 )", "subtract(a=12,b=3)", "answer(9)")
    unfinished = chain("unfinished", "multiply(a=4, b=3)")
    incorrect = [LATE, respelled, unfinished, CORRECT, chain("short", "answer(7)")]
    drops: Counter[str] = Counter()
    settings = Pairs(max_length_ratio=4.0, wrong_by_limit="drop")
    made = pair_up(
        candidates(incorrect=incorrect), {"outcome": 1.0}, 9, 0, DIALECT, drops, filter_of(settings)
    )
    assert [pair.rejected_chain_id for pair in made] == ["late"]
    assert drops == {NEAR_DUPLICATE: 1, BY_LIMIT: 1, NO_DIFFERENCE: 1, UNEVEN_LENGTHS: 1}

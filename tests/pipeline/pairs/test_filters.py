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
    UNEVEN,
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
    DIALECT,
    EARLY,
    EMPTY,
    LATE,
    RIGHT,
    RIGHT_2,
    STUCK,
    candidates,
    chain,
)
from toolsets import ToolResult


def _pair(chosen: Chain, rejected: Chain, shared: int = 0) -> PreferencePair:
    return make_pair(candidates(), Draft(chosen, rejected, shared), "outcome", DIALECT)


def _why(chosen: Chain, rejected: Chain, *kept: PreferencePair, **settings: Any) -> str | None:
    draft = Draft(chosen, rejected)
    return filter_of(Pairs(**settings))(draft, _pair(chosen, rejected), kept)


def test_a_pair_without_a_model_written_difference_is_seen() -> None:
    other_result = replace(RIGHT.steps[0], result=ToolResult(True, "13"))
    same_words = replace(RIGHT, steps=(other_result, *RIGHT.steps[1:]))
    cut = replace(RIGHT, steps=RIGHT.steps[:2])
    assert has_no_difference(_pair(RIGHT, RIGHT))
    assert has_no_difference(_pair(RIGHT, same_words))  # only what the function said differs
    assert has_no_difference(_pair(RIGHT, cut))
    assert has_no_difference(_pair(RIGHT, EMPTY))
    assert not has_no_difference(_pair(cut, RIGHT))
    assert not has_no_difference(_pair(RIGHT, LATE))


@pytest.mark.parametrize(
    ("rejected", "limit"),
    [
        (LATE, False),
        (STUCK, False),  # until max_steps, but by a call that it never mended
        (EMPTY, True),
        (chain("on its way", "multiply(a=3, b=4)"), True),
        (replace(chain("full", "multiply(a=3, b=4)"), stop_reason="context_full"), True),
        (
            replace(
                STUCK,
                steps=(
                    replace(RIGHT.steps[0], result=ToolResult(False, "too long", "limit_exceeded")),
                ),
            ),
            True,
        ),
    ],
)
def test_a_chain_that_only_a_limit_made_wrong_is_told(rejected: Chain, limit: bool) -> None:
    assert is_by_limit(rejected) is limit
    assert _why(RIGHT_2, rejected, wrong_by_limit="drop") == (BY_LIMIT if limit else None)
    assert _why(RIGHT_2, rejected, max_length_ratio=None) is None


def test_the_length_ratio_is_of_what_the_model_wrote() -> None:
    long = len("multiply(a=3, b=4)") + len("subtract(a=12, b=2)") + len("answer(10)")
    short = len("add(a=3, b=4)") + len("answer(7)")
    pair = _pair(RIGHT, EARLY)
    assert length_ratio(pair) == length_ratio(_pair(EARLY, RIGHT)) == long / short
    assert _why(RIGHT, EARLY, max_length_ratio=2.1) == UNEVEN
    assert _why(RIGHT, EARLY, max_length_ratio=2.2) is None
    assert _why(RIGHT, EARLY, max_length_ratio=None) is None


def test_a_near_duplicate_shares_its_words_on_both_sides() -> None:
    pair = _pair(RIGHT, LATE)
    respelled = chain("respelled", "multiply( a=3, b=4 )", "subtract(a=12,b=3)", "answer(9)")
    assert is_near_duplicate(_pair(RIGHT, respelled), pair, 1.0)
    one_number = chain("one number", "multiply(a=3, b=4)", "subtract(a=12, b=3)", "answer(8)")
    # 24 words and signs of the rejected side, one of which differs: 23 / 25
    assert is_near_duplicate(_pair(RIGHT, one_number), pair, 0.92)
    assert not is_near_duplicate(_pair(RIGHT, one_number), pair, 0.93)
    assert not is_near_duplicate(_pair(RIGHT, EARLY), pair, 0.5)
    assert not is_near_duplicate(_pair(EARLY, LATE), pair, 0.5)


def test_pairs_that_part_at_different_steps_are_no_duplicates() -> None:
    assert not is_near_duplicate(_pair(RIGHT, LATE, 1), _pair(RIGHT, LATE), 0.1)


def test_near_duplicates_are_dropped_by_the_recipes_share() -> None:
    respelled = chain("respelled", "multiply( a=3, b=4 )", "subtract(a=12,b=3)", "answer(9)")
    kept = _pair(RIGHT, LATE)
    assert _why(RIGHT, respelled, kept) == NEAR_DUPLICATE
    assert _why(RIGHT, respelled, kept, near_duplicate=None) is None
    assert _why(RIGHT, respelled) is None


def test_no_side_is_rejected_from_a_model_that_the_recipe_leaves_out() -> None:
    theirs = replace(LATE, model="teacher")
    assert _why(RIGHT, theirs, rejected_from=["student"]) == NOT_REJECTED_FROM
    assert _why(RIGHT, theirs, rejected_from=["teacher"]) is None


def test_each_filter_has_a_count_of_its_own() -> None:
    respelled = chain("respelled", "multiply( a=3, b=4 )", "subtract(a=12,b=3)", "answer(9)")
    on_its_way = chain("on its way", "multiply(a=4, b=3)")
    wrong = [LATE, respelled, on_its_way, RIGHT, chain("short", "answer(7)")]
    drops: Counter[str] = Counter()
    settings = Pairs(max_length_ratio=4.0, wrong_by_limit="drop")
    made = pair_up(
        candidates(incorrect=wrong), {"outcome": 1.0}, 9, 0, DIALECT, drops, filter_of(settings)
    )
    assert [pair.rejected_chain_id for pair in made] == ["late"]
    assert drops == {NEAR_DUPLICATE: 1, BY_LIMIT: 1, NO_DIFFERENCE: 1, UNEVEN: 1}

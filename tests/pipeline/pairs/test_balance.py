from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pairs.balance import Stratum, balanced, difficulty

STRATA = st.lists(
    st.builds(
        Stratum,
        task=st.sampled_from("ab"),
        difficulty=st.sampled_from(["hard", "middle", "easy"]),
        failure=st.sampled_from(["wrong_answer", "max_steps"]),
    ),
    max_size=30,
)


@pytest.mark.parametrize(
    ("right", "chains", "expected"),
    [(0, 4, "hard"), (1, 4, "hard"), (1, 3, "middle"), (1, 2, "middle"), (2, 3, "easy")],
)
def test_difficulty_is_the_third_of_the_share_that_was_right(
    right: int, chains: int, expected: str
) -> None:
    assert difficulty(right, chains) == expected
    assert difficulty(0, 0) == "hard"  # every chain ended in an engine error


def test_a_rare_task_is_kept_whole_beside_a_common_one() -> None:
    strata = [Stratum("common", "easy", "wrong_answer")] * 90
    strata += [Stratum("rare", "easy", "wrong_answer")] * 10
    kept = Counter(strata[index].task for index in balanced(strata, 30, seed=0))
    assert kept == {"rare": 10, "common": 20}


def test_tasks_difficulties_and_failures_are_each_made_even() -> None:
    strata = [
        Stratum(task, hard, failure)
        for task, n in (("a", 9), ("b", 3))
        for hard in ("hard", "middle", "easy")
        for failure, m in (("wrong_answer", 3), ("max_steps", 1))
        for _ in range(n * m)
    ]
    kept = [strata[index] for index in balanced(strata, 12, seed=1)]
    assert Counter(s.task for s in kept) == {"a": 6, "b": 6}
    assert Counter(s.difficulty for s in kept) == {"hard": 4, "middle": 4, "easy": 4}
    assert Counter(s.failure for s in kept) == {"wrong_answer": 6, "max_steps": 6}


def test_within_a_stratum_the_lot_decides_by_the_seed() -> None:
    strata = [Stratum("a", "easy", "wrong_answer")] * 100
    drawn = {tuple(balanced(strata, 10, seed)) for seed in range(5)}
    assert len(drawn) == 5


@given(strata=STRATA, most=st.none() | st.integers(1, 40), seed=st.integers(0, 3))
def test_so_many_are_kept_each_once_in_order_and_the_same_again(
    strata: list[Stratum], most: int | None, seed: int
) -> None:
    kept = balanced(strata, most, seed)
    assert kept == balanced(strata, most, seed)
    assert kept == sorted(set(kept))
    assert len(kept) == (len(strata) if most is None else min(most, len(strata)))
    assert all(0 <= index < len(strata) for index in kept)

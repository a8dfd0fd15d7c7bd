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
    ("correct", "chains", "expected"),
    [(0, 4, "hard"), (1, 4, "hard"), (1, 3, "middle"), (1, 2, "middle"), (2, 3, "easy")],
)
def test_difficulty_is_by_thirds_of_the_correct_share(
    correct: int, chains: int, expected: str
) -> None:
    assert difficulty(correct, chains) == expected
    assert difficulty(0, 0) == "hard"  # every chain ended in an engine error


def test_a_rare_task_keeps_all_its_pairs() -> None:
    strata = [Stratum("common", "easy", "wrong_answer")] * 90
    strata += [Stratum("rare", "easy", "wrong_answer")] * 10
    selected = Counter(strata[index].task for index in balanced(strata, 30, seed=0))
    assert selected == {"rare": 10, "common": 20}


def test_tasks_difficulties_and_failures_are_each_balanced() -> None:
    strata = [
        Stratum(task, hard, failure)
        for task, n in (("a", 9), ("b", 3))
        for hard in ("hard", "middle", "easy")
        for failure, m in (("wrong_answer", 3), ("max_steps", 1))
        for _ in range(n * m)
    ]
    selected = [strata[index] for index in balanced(strata, 12, seed=1)]
    assert Counter(s.task for s in selected) == {"a": 6, "b": 6}
    assert Counter(s.difficulty for s in selected) == {"hard": 4, "middle": 4, "easy": 4}
    assert Counter(s.failure for s in selected) == {"wrong_answer": 6, "max_steps": 6}


def test_within_a_stratum_the_seed_decides() -> None:
    strata = [Stratum("a", "easy", "wrong_answer")] * 100
    drawn = {tuple(balanced(strata, 10, seed)) for seed in range(5)}
    assert len(drawn) == 5


@given(strata=STRATA, most=st.none() | st.integers(1, 40), seed=st.integers(0, 3))
def test_selection_is_sorted_unique_capped_and_deterministic(
    strata: list[Stratum], most: int | None, seed: int
) -> None:
    selected = balanced(strata, most, seed)
    assert selected == balanced(strata, most, seed)
    assert selected == sorted(set(selected))
    assert len(selected) == (len(strata) if most is None else min(most, len(strata)))
    assert all(0 <= index < len(strata) for index in selected)

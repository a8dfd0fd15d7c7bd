from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.agent.prompt import render
from pipeline.pairs.candidates import Candidates, Draft
from pipeline.pairs.filters import NO_DIFFERENCE, filter_of
from pipeline.pairs.selection import (
    DUPLICATE,
    NO_CORRECT,
    NO_FIT,
    NO_INCORRECT,
    OVER_CAP,
    make_pair,
    pair_up,
)
from pipeline.pairs.strategies import STRATEGIES
from pipeline.recipe.pairs import Pairs
from pipeline.records import PreferencePair
from tests.pipeline.pairs.chains import (
    CORRECT,
    CORRECT_2,
    DIALECT,
    EARLY,
    EMPTY,
    LATE,
    QUESTION,
    STUCK,
    candidates,
    chain,
    ids,
)


def _pair_up(
    candidates: Candidates,
    strategies: dict[str, float] | None = None,
    per_problem: int = 10,
    seed: int = 0,
) -> tuple[list[PreferencePair], dict[str, int]]:
    drops: Counter[str] = Counter()
    strategies = strategies or {"outcome": 1.0}
    pairs = pair_up(candidates, strategies, per_problem, seed, DIALECT, drops)
    return pairs, dict(drops)


def test_a_whole_pair_has_prompt_messages_and_both_chains_as_turns() -> None:
    (pair,), drops = _pair_up(candidates(incorrect=[EARLY]))
    assert pair.prompt == DIALECT.prompt_messages(QUESTION)
    assert pair.chosen == render(DIALECT, CORRECT.steps)
    assert pair.rejected == (
        {"role": "assistant", "content": "add(a=3, b=4)"},
        {"role": "user", "content": "7"},
        {"role": "assistant", "content": "answer(7)"},
    )
    assert (pair.problem_id, pair.strategy, pair.tools, drops) == ("p", "outcome", None, {})


def test_at_a_divergence_the_shared_steps_belong_to_the_prompt() -> None:
    (pair,), _ = _pair_up(candidates(incorrect=[LATE]), {"first_divergence": 1})
    assert pair.prompt == (
        *DIALECT.prompt_messages(QUESTION),
        {"role": "assistant", "content": "multiply(a=3, b=4)"},
        {"role": "user", "content": "12"},
    )
    assert [message["content"] for message in pair.chosen] == [
        "subtract(a=12, b=2)",
        "10",
        "answer(10)",
    ]
    assert pair.rejected[0]["content"] == "subtract(a=12, b=3)"


def test_a_rejected_chain_does_not_end_in_a_function_result() -> None:
    (pair,), _ = _pair_up(candidates(incorrect=[STUCK]))
    assert STUCK.steps[-1].result is not None
    assert pair.rejected[-1] == {"role": "assistant", "content": "subtract(12"}
    assert [message["role"] for message in pair.rejected] == ["assistant", "user"] * 2 + [
        "assistant"
    ]


@pytest.mark.parametrize("strategy", ["outcome", "first_divergence"])
def test_a_chain_cut_off_before_it_diverged_makes_no_pair(strategy: str) -> None:
    """Its text is a prefix of the chosen chain's, because of a full context or a smaller limit."""
    cut = chain("cut", "multiply(a=3, b=4)", "subtract(a=12, b=2)")
    for rejected in (cut, EMPTY, CORRECT):
        pairs, drops = _pair_up(candidates(incorrect=[rejected]), {strategy: 1})
        assert pairs == []
        assert drops == {NO_DIFFERENCE: 1, NO_FIT: 1}


def test_pairs_per_problem_are_capped() -> None:
    pairs, drops = _pair_up(candidates([CORRECT, CORRECT_2], [LATE, EARLY]), per_problem=3)
    assert ids(pairs) == [("correct", "late"), ("correct 2", "early"), ("correct", "early")]
    assert drops == {OVER_CAP: 1}


def test_a_duplicate_pair_is_dropped() -> None:
    again = chain("again", *[step.reply for step in LATE.steps])
    pairs, drops = _pair_up(candidates(incorrect=[LATE, again]))
    assert ids(pairs) == [("correct", "late")]
    assert drops == {DUPLICATE: 1}


@pytest.mark.parametrize(
    ("candidates", "reason"),
    [
        (candidates(incorrect=[]), "no incorrect chain"),
        (candidates(correct=[]), "no correct chain"),
        (candidates(correct=[], reference=CORRECT), "no strategy fits"),
    ],
)
def test_a_problem_without_pairs_is_counted_with_its_reason(
    candidates: Candidates, reason: str
) -> None:
    assert _pair_up(candidates) == ([], {reason: 1})


def test_drops_of_several_problems_add_up() -> None:
    drops: Counter[str] = Counter()
    for _ in range(3):
        pair_up(candidates(incorrect=[]), {"outcome": 1}, 2, 0, DIALECT, drops)
    assert drops == {"no incorrect chain": 3}


def test_strategies_are_drawn_by_weight() -> None:
    incorrect = [chain(f"w{i}", "multiply(a=3, b=4)", f"answer({i})") for i in range(200, 600)]
    weights = {"outcome": 3.0, "first_divergence": 1.0, "reference": 0.0}
    pairs, _ = _pair_up(
        candidates(incorrect=incorrect, reference=CORRECT), weights, per_problem=400
    )
    counts = Counter(pair.strategy for pair in pairs)
    assert counts["reference"] == 0
    assert 250 < counts["outcome"] < 350  # 300 expected, standard deviation 8.7


def test_when_one_strategy_is_exhausted_the_other_continues() -> None:
    pairs, _ = _pair_up(candidates(reference=CORRECT), {"reference": 1.0, "first_divergence": 1.0})
    assert Counter(pair.strategy for pair in pairs)["first_divergence"] >= 1
    assert len({pair.pair_id for pair in pairs}) == len(pairs)


SLOW = chain("slow", "multiply(a=3", *[step.reply for step in CORRECT.steps], model="teacher")
ANSWERED = st.sampled_from([CORRECT, CORRECT_2, SLOW])
CONTINUED = st.tuples(ANSWERED, st.integers(1, 2), st.sampled_from([True, False, None])).map(
    lambda drawn: (replace(drawn[0], model="teacher", prefix_steps=drawn[1]), drawn[2])
)
PROBLEMS = st.builds(
    Candidates,
    st.just("p"),
    st.just(QUESTION),
    correct=st.lists(ANSWERED, max_size=3).map(tuple),
    incorrect=st.lists(st.sampled_from([LATE, EARLY, STUCK, EMPTY]), max_size=3).map(tuple),
    reference=st.none() | st.just(CORRECT),
    continued=st.lists(CONTINUED, max_size=3).map(tuple),
)
WEIGHTS = st.dictionaries(st.sampled_from(list(STRATEGIES)), st.sampled_from([0.5, 1.0, 3.0]))
REASONS_OF_PROBLEMS = {NO_INCORRECT, NO_CORRECT, NO_FIT}


@given(problem=PROBLEMS, name=st.sampled_from(list(STRATEGIES)))
def test_a_strategy_is_pure_and_its_sides_share_the_first_steps(
    problem: Candidates, name: str
) -> None:
    drafts = list(STRATEGIES[name](problem))
    assert drafts == list(STRATEGIES[name](problem))
    for draft in drafts:
        assert 0 <= draft.shared < len(draft.chosen.steps)
        if name in ("first_divergence", "recovered"):
            assert draft.chosen.steps[: draft.shared] == draft.rejected.steps[: draft.shared]


@given(
    problem=PROBLEMS,
    weights=WEIGHTS,
    per_problem=st.integers(1, 5),
    seed=st.integers(0, 5),
    ratio=st.none() | st.floats(1, 5),
    share=st.none() | st.floats(0.5, 1),
)
def test_every_candidate_is_a_pair_or_counted_and_the_seed_decides(
    problem: Candidates,
    weights: dict[str, float],
    per_problem: int,
    seed: int,
    ratio: float | None,
    share: float | None,
) -> None:
    filter_pair = filter_of(Pairs(max_length_ratio=ratio, near_duplicate=share))

    def build() -> tuple[list[PreferencePair], Counter[str]]:
        drops: Counter[str] = Counter()
        made = pair_up(problem, weights, per_problem, seed, DIALECT, drops, filter_pair)
        return made, drops

    pairs, drops = build()
    assert (pairs, drops) == build()
    counted = sum(n for reason, n in drops.items() if reason not in REASONS_OF_PROBLEMS)
    assert len(pairs) + counted == sum(len(list(STRATEGIES[name](problem))) for name in weights)
    assert len(pairs) <= per_problem
    assert sum(drops[reason] for reason in REASONS_OF_PROBLEMS) == (not pairs)
    for pair in pairs:
        assert pair.prompt[:2] == DIALECT.prompt_messages(QUESTION)
        assert pair.prompt[-1]["role"] == "user"
        assert pair.chosen[0]["role"] == pair.chosen[-1]["role"] == "assistant"
        assert pair.rejected[0]["role"] == pair.rejected[-1]["role"] == "assistant"
        assert pair.chosen != pair.rejected


def test_a_duplicate_of_a_pair_of_another_problem_is_dropped() -> None:
    drops: Counter[str] = Counter()
    earlier = pair_up(candidates(incorrect=[EARLY]), {"outcome": 1.0}, 2, 0, DIALECT, drops)
    again = pair_up(
        candidates(incorrect=[EARLY, LATE]), {"outcome": 1.0}, 2, 0, DIALECT, drops, earlier=earlier
    )
    assert ids(again) == [("correct", "late")]
    assert drops == {DUPLICATE: 1}


@pytest.mark.parametrize(
    ("problem", "strategy", "reason"),
    [
        (candidates(incorrect=[]), "concise", NO_FIT),
        (candidates(incorrect=[]), "recovered", NO_FIT),
        (candidates(correct=[]), "recovered", NO_FIT),
        (candidates(correct=[]), "concise", NO_CORRECT),
        (candidates(incorrect=[]), "corrected", NO_INCORRECT),
        (candidates(correct=[]), "corrected", NO_FIT),
    ],
)
def test_the_reason_depends_on_the_chains_that_the_strategy_needs(
    problem: Candidates, strategy: str, reason: str
) -> None:
    assert _pair_up(problem, {strategy: 1.0}) == ([], {reason: 1})


def test_problems_draw_different_strategies_under_the_same_seed() -> None:
    strategies = {"outcome": 1.0, "reference": 1.0}
    drawn = []
    for index in range(20):
        candidates = Candidates(f"p{index}", QUESTION, (CORRECT,), (EARLY,), CORRECT_2)
        pairs, _ = _pair_up(candidates, strategies, per_problem=1)
        drawn.append(pairs[0].strategy)
    assert set(drawn) == {"outcome", "reference"}


def test_the_id_of_a_pair_depends_only_on_strategy_chains_and_step() -> None:
    one = make_pair(candidates(), Draft(CORRECT, LATE), "outcome", DIALECT)
    two = make_pair(candidates(incorrect=[LATE]), Draft(CORRECT, LATE), "outcome", DIALECT)
    other = make_pair(candidates(), Draft(CORRECT, LATE, 1), "first_divergence", DIALECT)
    assert one == two
    assert one.pair_id != other.pair_id

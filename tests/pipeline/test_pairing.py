from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.agent import with_agent_tools
from pipeline.pairing import (
    Candidates,
    Draft,
    first_divergence,
    make_pair,
    outcome,
    pair_up,
    reference,
    shared_steps,
)
from pipeline.prompt import Inject, render
from pipeline.records import Chain, PreferencePair, Problem, Step
from pipeline.worked import reference_chain
from tests.pipeline.scripted import ARITHMETIC
from toolsets import CallError, ToolResult

DIALECT = Inject(with_agent_tools(ARITHMETIC))
QUESTION = "What is 3 times 4, minus 2?"
BEGINNING = "rejected is the beginning of chosen"


def _step(reply: str) -> Step:
    """The step that this reply makes, with its true result."""
    try:
        call = DIALECT.parse(reply)
    except CallError as error:
        return Step(reply, None, ToolResult(False, str(error), error.kind))
    result = None if call.name == "answer" else ARITHMETIC.execute(call)
    return Step(reply, call, result)


def _chain(name: str, *replies: str) -> Chain:
    steps = tuple(_step(reply) for reply in replies)
    answered = bool(steps) and steps[-1].result is None
    return Chain(name, "p", "m", 0, 0, (), steps, "answer" if answered else "max_steps")


RIGHT = _chain("right", "multiply(a=3, b=4)", "subtract(a=12, b=2)", "answer(10)")
RIGHT_2 = _chain("right 2", "multiply(a=4, b=3)", "subtract(a=12, b=2)", "answer(10)")
LATE = _chain("late", "multiply(a=3, b=4)", "subtract(a=12, b=3)", "answer(9)")  # parts at step 1
EARLY = _chain("early", "add(a=3, b=4)", "answer(7)")  # parts at once
STUCK = _chain("stuck", "multiply(a=3, b=4)", "subtract(12", "subtract(12")  # until max_steps
EMPTY = _chain("empty")  # no room for a single reply


def _candidates(
    right: Sequence[Chain] = (RIGHT,),
    wrong: Sequence[Chain] = (LATE, EARLY),
    worked: Chain | None = None,
) -> Candidates:
    return Candidates("p", QUESTION, tuple(right), tuple(wrong), worked)


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


def _ids(drafts: Sequence[Draft | PreferencePair]) -> list[tuple[str, str]]:
    return [
        (d.chosen.chain_id, d.rejected.chain_id)
        if isinstance(d, Draft)
        else (d.chosen_chain_id, d.rejected_chain_id)
        for d in drafts
    ]


def test_outcome_prefers_each_right_chain_to_each_wrong_one_different_chains_first() -> None:
    drafts = list(outcome(_candidates([RIGHT, RIGHT_2], [LATE, EARLY])))
    assert _ids(drafts) == [
        ("right", "late"),
        ("right 2", "early"),
        ("right", "early"),
        ("right 2", "late"),
    ]
    assert {draft.shared for draft in drafts} == {0}


def test_first_divergence_puts_the_longest_agreement_first() -> None:
    drafts = list(first_divergence(_candidates([RIGHT_2, RIGHT], [EARLY, LATE])))
    assert _ids(drafts)[0] == ("right", "late")
    assert [draft.shared for draft in drafts] == [1, 0, 0, 0]


def test_reference_prefers_the_worked_solution_to_every_wrong_chain() -> None:
    problem = Problem("p", "arithmetic", QUESTION, "10", "train", ("3*4=12", "12-2=10"))
    worked = reference_chain(problem, ARITHMETIC)
    assert worked is not None
    assert _ids(list(reference(_candidates([], [LATE, EARLY], worked)))) == [
        ("p/reference", "late"),
        ("p/reference", "early"),
    ]
    assert list(reference(_candidates())) == []
    pairs, drops = _pair_up(_candidates([], [EARLY], worked), {"reference": 1})
    assert [message["content"] for message in pairs[0].chosen] == [
        "multiply(a=3, b=4)",
        "12",
        "subtract(a=12, b=2)",
        "10",
        "answer(value=10)",
    ]
    assert drops == {}


def test_a_whole_pair_holds_the_opening_as_prompt_and_both_chains_as_turns() -> None:
    (pair,), drops = _pair_up(_candidates(wrong=[EARLY]))
    assert pair.prompt == DIALECT.opening(QUESTION)
    assert pair.chosen == render(DIALECT, RIGHT.steps)
    assert pair.rejected == (
        {"role": "assistant", "content": "add(a=3, b=4)"},
        {"role": "user", "content": "7"},
        {"role": "assistant", "content": "answer(7)"},
    )
    assert (pair.problem_id, pair.strategy, pair.tools, drops) == ("p", "outcome", None, {})


def test_at_a_divergence_the_shared_steps_belong_to_the_prompt() -> None:
    (pair,), _ = _pair_up(_candidates(wrong=[LATE]), {"first_divergence": 1})
    assert pair.prompt == (
        *DIALECT.opening(QUESTION),
        {"role": "assistant", "content": "multiply(a=3, b=4)"},
        {"role": "user", "content": "12"},
    )
    assert [message["content"] for message in pair.chosen] == [
        "subtract(a=12, b=2)",
        "10",
        "answer(10)",
    ]
    assert pair.rejected[0]["content"] == "subtract(a=12, b=3)"


def test_a_rejected_chain_does_not_end_in_a_result_that_no_model_answered() -> None:
    (pair,), _ = _pair_up(_candidates(wrong=[STUCK]))
    assert STUCK.steps[-1].result is not None
    assert pair.rejected[-1] == {"role": "assistant", "content": "subtract(12"}
    assert [message["role"] for message in pair.rejected] == ["assistant", "user"] * 2 + [
        "assistant"
    ]


@pytest.mark.parametrize("strategy", ["outcome", "first_divergence"])
def test_a_chain_cut_off_before_it_parted_is_no_pair(strategy: str) -> None:
    """It wrote nothing that the chosen chain did not write: a full context, a smaller limit."""
    cut = _chain("cut", "multiply(a=3, b=4)", "subtract(a=12, b=2)")
    for rejected in (cut, EMPTY, RIGHT):
        pairs, drops = _pair_up(_candidates(wrong=[rejected]), {strategy: 1})
        assert pairs == []
        assert drops == {BEGINNING: 1, "no strategy fits": 1}


def test_shared_steps_leave_each_chain_at_least_one() -> None:
    assert shared_steps(RIGHT, LATE) == 1
    assert shared_steps(RIGHT, EARLY) == 0
    assert shared_steps(RIGHT, RIGHT) == 2
    assert shared_steps(RIGHT, EMPTY) == shared_steps(EMPTY, RIGHT) == 0


def test_the_same_reply_with_another_result_is_not_shared() -> None:
    other = Chain(
        "o",
        "p",
        "m",
        0,
        0,
        (),
        (Step("multiply(a=3, b=4)", None, None), *RIGHT.steps[1:]),
        "answer",
    )
    assert shared_steps(RIGHT, other) == 0


def test_pairs_per_problem_are_capped() -> None:
    candidates = _candidates([RIGHT, RIGHT_2], [LATE, EARLY])
    pairs, drops = _pair_up(candidates, per_problem=3)
    assert _ids(pairs) == [("right", "late"), ("right 2", "early"), ("right", "early")]
    assert drops == {}


def test_the_same_text_is_not_paired_twice() -> None:
    again = _chain("again", *[step.reply for step in LATE.steps])
    pairs, drops = _pair_up(_candidates(wrong=[LATE, again]))
    assert _ids(pairs) == [("right", "late")]
    assert drops == {"the same pair twice": 1}


@pytest.mark.parametrize(
    ("candidates", "why"),
    [
        (_candidates(wrong=[]), "no wrong chain"),
        (_candidates(right=[]), "no right chain"),
        (_candidates(right=[], worked=RIGHT), "no strategy fits"),
    ],
)
def test_a_problem_without_pairs_is_counted_with_its_reason(
    candidates: Candidates, why: str
) -> None:
    assert _pair_up(candidates) == ([], {why: 1})


def test_drops_of_several_problems_add_up() -> None:
    drops: Counter[str] = Counter()
    for _ in range(3):
        pair_up(_candidates(wrong=[]), {"outcome": 1}, 2, 0, DIALECT, drops)
    assert drops == {"no wrong chain": 3}


def test_weights_share_out_the_strategies() -> None:
    wrong = [_chain(f"w{i}", "multiply(a=3, b=4)", f"answer({i})") for i in range(200, 600)]
    weights = {"outcome": 3.0, "first_divergence": 1.0, "reference": 0.0}
    pairs, _ = _pair_up(_candidates(wrong=wrong, worked=RIGHT), weights, per_problem=400)
    counts = Counter(pair.strategy for pair in pairs)
    assert counts["reference"] == 0
    assert 250 < counts["outcome"] < 350  # 300 expected, standard deviation 8.7


def test_where_one_strategy_runs_dry_the_other_goes_on() -> None:
    pairs, _ = _pair_up(_candidates(worked=RIGHT), {"reference": 1.0, "first_divergence": 1.0})
    assert Counter(pair.strategy for pair in pairs)["first_divergence"] >= 1
    assert len({pair.pair_id for pair in pairs}) == len(pairs)


WRONG = st.lists(st.sampled_from([LATE, EARLY, STUCK, EMPTY]), max_size=4)


@given(
    wrong=WRONG,
    right=st.lists(st.sampled_from([RIGHT, RIGHT_2]), max_size=2),
    per_problem=st.integers(1, 5),
    seed=st.integers(0, 5),
)
def test_pairing_is_deterministic_capped_and_well_formed(
    wrong: list[Chain], right: list[Chain], per_problem: int, seed: int
) -> None:
    strategies = {"outcome": 1.0, "first_divergence": 1.0, "reference": 1.0}
    first = _pair_up(_candidates(right, wrong, RIGHT), strategies, per_problem, seed)
    assert first == _pair_up(_candidates(right, wrong, RIGHT), strategies, per_problem, seed)
    pairs, drops = first
    assert len(pairs) <= per_problem
    assert pairs or drops
    for pair in pairs:
        assert pair.prompt[:2] == DIALECT.opening(QUESTION)
        assert pair.prompt[-1]["role"] == "user"
        assert pair.chosen[0]["role"] == pair.chosen[-1]["role"] == "assistant"
        assert pair.rejected[0]["role"] == pair.rejected[-1]["role"] == "assistant"
        assert pair.chosen != pair.rejected


def test_another_problem_draws_other_strategies_under_the_same_seed() -> None:
    strategies = {"outcome": 1.0, "reference": 1.0}
    drawn = []
    for index in range(20):
        candidates = Candidates(f"p{index}", QUESTION, (RIGHT,), (EARLY,), RIGHT_2)
        pairs, _ = _pair_up(candidates, strategies, per_problem=1)
        drawn.append(pairs[0].strategy)
    assert set(drawn) == {"outcome", "reference"}


def test_the_id_of_a_pair_comes_from_strategy_and_chains_alone() -> None:
    one = make_pair(_candidates(), Draft(RIGHT, LATE), "outcome", DIALECT)
    two = make_pair(_candidates(wrong=[LATE]), Draft(RIGHT, LATE), "outcome", DIALECT)
    other = make_pair(_candidates(), Draft(RIGHT, LATE, 1), "first_divergence", DIALECT)
    assert one is not None
    assert other is not None
    assert one == two
    assert one.pair_id != other.pair_id

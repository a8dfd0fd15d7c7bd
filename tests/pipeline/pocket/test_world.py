from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolsets
from pipeline.pocket.models import TOOLSET
from pipeline.pocket.world import LARGEST, OOD_STEPS, STEPS, problem, problems
from pipeline.records import Problem
from pipeline.reference import replay
from pipeline.verdict import judge
from pipeline.worked import reference_chain

SPLITS = ("pretrain", "train", "test", "ood")
ARITHMETIC = toolsets.load(TOOLSET)
COUNT = 300


@pytest.fixture(scope="module")
def world() -> dict[str, list[Problem]]:
    """The first problems of each split."""
    return {split: list(problems(COUNT, 0, split)) for split in SPLITS}


@pytest.mark.parametrize("split", SPLITS)
def test_the_worked_calls_replay_to_the_answer(split: str, world: dict[str, list[Problem]]) -> None:
    for told in world[split]:
        chain = reference_chain(told, ARITHMETIC)
        assert chain is not None, told
        assert len(chain.steps) == len(told.reference) + 1
        assert judge(chain, told).correct, told


@pytest.mark.parametrize("split", SPLITS)
def test_every_number_on_the_way_is_a_small_whole_one(
    split: str, world: dict[str, list[Problem]]
) -> None:
    for told in world[split]:
        values = [step.value for step in replay(told, ARITHMETIC).calculations]
        assert all(value is not None and value.denominator == 1 for value in values), told
        assert 1 <= int(told.answer) <= LARGEST


@pytest.mark.parametrize(
    ("split", "steps"), [("test", STEPS), ("train", STEPS), ("ood", OOD_STEPS)]
)
def test_problems_have_as_many_steps_as_their_split_allows(
    split: str, steps: dict[int, int], world: dict[str, list[Problem]]
) -> None:
    counts = Counter(len(told.reference) for told in world[split])
    assert set(counts) == set(steps)
    for length, weight in steps.items():
        assert counts[length] / COUNT == pytest.approx(weight / 100, abs=0.12)
    assert max(STEPS) == 4
    assert max(OOD_STEPS) > 4


def test_no_question_of_one_split_appears_in_another(world: dict[str, list[Problem]]) -> None:
    for one, other in itertools.combinations(SPLITS, 2):
        asked = {told.question for told in world[one]}
        assert asked.isdisjoint(told.question for told in world[other])


def test_some_wordings_are_kept_for_out_of_distribution(world: dict[str, list[Problem]]) -> None:
    kept = ("In the end, how many", "At first", "are sold.", "Each of", "from a friend.")
    for split in ("pretrain", "train", "test"):
        assert not any(words in told.question for told in world[split] for words in kept)
    asked = [told.question for told in world["ood"]]
    for words in kept:
        assert any(words in question for question in asked)
    assert sum(any(words in question for words in kept) for question in asked) > COUNT / 2


@given(
    index=st.integers(0, 20),
    seed=st.integers(0, 5),
    split=st.sampled_from(SPLITS),
    more=st.integers(1, 5),
)
def test_problem_i_is_the_same_however_many_there_are(
    index: int, seed: int, split: str, more: int
) -> None:
    some = list(problems(index + more, seed, split))
    assert some[index] == problem(index, seed, split)
    assert some[index].split == split
    assert len({told.problem_id for told in some}) == len(some)


def test_another_seed_tells_other_problems(world: dict[str, list[Problem]]) -> None:
    others = {told.question for told in problems(COUNT, 1, "test")}
    assert len(others & {told.question for told in world["test"]}) < COUNT / 10


def test_problems_differ_from_each_other(world: dict[str, list[Problem]]) -> None:
    for split in SPLITS:
        assert len({told.question for told in world[split]}) > 0.95 * COUNT


def test_every_function_is_needed(world: dict[str, list[Problem]]) -> None:
    used = Counter(call.partition("(")[0] for told in world["test"] for call in told.reference)
    assert set(used) == set(ARITHMETIC.tool_names)
    assert min(used.values()) > COUNT / 20


def test_some_problems_mention_what_does_not_matter(world: dict[str, list[Problem]]) -> None:
    told = [told.question for told in world["test"]]
    distracted = [q for q in told if " years old." in q or " also has " in q or " minutes." in q]
    assert 0.03 < len(distracted) / COUNT < 0.4

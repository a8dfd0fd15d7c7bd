from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolsets
from pipeline.agent.verdict import judge
from pipeline.pocket.models import TOOLSET
from pipeline.problems.pocket.world import problem, problems
from pipeline.problems.reference.chain import reference_chain, solution_calls
from pipeline.records import Problem
from tests.pipeline.problems.pocket.conftest import COUNT, SPLITS

FUNCTIONS = toolsets.load(TOOLSET)


@pytest.mark.parametrize("split", SPLITS)
def test_the_worked_calls_reach_the_answer(split: str, world: dict[str, list[Problem]]) -> None:
    for told in world[split]:
        chain = reference_chain(told, FUNCTIONS)
        assert chain is not None, told
        assert judge(chain, told).correct, told


@pytest.mark.parametrize("split", SPLITS)
def test_the_tasks_take_turns(split: str, world: dict[str, list[Problem]]) -> None:
    assert [told.task for told in world[split]] == ["arithmetic", "logic"] * COUNT


def test_no_question_of_one_split_appears_in_another(world: dict[str, list[Problem]]) -> None:
    for one, other in itertools.combinations(SPLITS, 2):
        asked = {told.question for told in world[one]}
        assert asked.isdisjoint(told.question for told in world[other])


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
        assert len({told.question for told in world[split]}) > 0.95 * 2 * COUNT


def test_every_function_is_needed(world: dict[str, list[Problem]]) -> None:
    calls = (solution_calls(told, FUNCTIONS) for told in world["test"])
    used = Counter(worked.call.name for found in calls for worked in found)
    assert set(used) == set(FUNCTIONS.tool_names)
    assert min(used.values()) > COUNT / 20

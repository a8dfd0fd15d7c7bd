from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
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
def test_the_reference_calls_reach_the_answer(split: str, world: dict[str, list[Problem]]) -> None:
    for p in world[split]:
        chain = reference_chain(p, FUNCTIONS)
        assert chain is not None, p
        assert judge(chain, p).correct, p


@pytest.mark.parametrize("split", SPLITS)
def test_the_tasks_alternate(split: str, world: dict[str, list[Problem]]) -> None:
    assert [p.task for p in world[split]] == ["arithmetic", "logic"] * COUNT


def test_no_question_occurs_in_two_splits(world: dict[str, list[Problem]]) -> None:
    for first, second in itertools.combinations(SPLITS, 2):
        questions = {p.question for p in world[first]}
        assert questions.isdisjoint(p.question for p in world[second])


@settings(max_examples=20)  # each example makes up to 26 problems
@given(
    index=st.integers(0, 20),
    seed=st.integers(0, 5),
    split=st.sampled_from(SPLITS),
    more=st.integers(1, 5),
)
def test_problem_i_does_not_depend_on_the_count(
    index: int, seed: int, split: str, more: int
) -> None:
    some = list(problems(index + more, seed, split))
    assert some[index] == problem(index, seed, split)
    assert some[index].split == split
    assert len({p.problem_id for p in some}) == len(some)


def test_another_seed_gives_other_problems(world: dict[str, list[Problem]]) -> None:
    others = {p.question for p in problems(COUNT, 1, "test")}
    assert len(others & {p.question for p in world["test"]}) < COUNT / 10


def test_questions_rarely_repeat(world: dict[str, list[Problem]]) -> None:
    for split in SPLITS:
        assert len({p.question for p in world[split]}) > 0.95 * 2 * COUNT


def test_every_function_is_used(world: dict[str, list[Problem]]) -> None:
    solutions = (solution_calls(p, FUNCTIONS) for p in world["test"])
    used = Counter(step.call.name for calls in solutions for step in calls)
    assert set(used) == set(FUNCTIONS.tool_names)
    assert min(used.values()) > COUNT / 20

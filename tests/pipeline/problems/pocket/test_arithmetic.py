from __future__ import annotations

from collections import Counter

import pytest

import toolsets
from pipeline.pocket.models import TOOLSET
from pipeline.problems.pocket.arithmetic import LARGEST, OOD_STEPS, STEPS
from pipeline.problems.reference.calculations import replay
from pipeline.problems.reference.chain import reference_chain
from pipeline.records import Problem
from tests.pipeline.problems.pocket.conftest import COUNT, SPLITS

FUNCTIONS = toolsets.load(TOOLSET)


@pytest.mark.parametrize("split", SPLITS)
def test_every_intermediate_value_is_an_integer(
    split: str, arithmetic: dict[str, list[Problem]]
) -> None:
    for problem in arithmetic[split]:
        values = [step.value for step in replay(problem, FUNCTIONS).calculations]
        assert len(values) == len(problem.reference)
        assert all(value is not None and value.denominator == 1 for value in values), problem
        assert 1 <= int(problem.answer) <= LARGEST


@pytest.mark.parametrize("split", SPLITS)
def test_each_call_is_a_step_of_the_reference_chain(
    split: str, arithmetic: dict[str, list[Problem]]
) -> None:
    for problem in arithmetic[split]:
        chain = reference_chain(problem, FUNCTIONS)
        assert chain is not None, problem
        assert len(chain.steps) == len(problem.reference) + 1


@pytest.mark.parametrize(
    ("split", "steps"), [("test", STEPS), ("train", STEPS), ("ood", OOD_STEPS)]
)
def test_problems_have_as_many_steps_as_their_split_allows(
    split: str, steps: dict[int, int], arithmetic: dict[str, list[Problem]]
) -> None:
    counts = Counter(len(problem.reference) for problem in arithmetic[split])
    assert set(counts) == set(steps)
    for length, weight in steps.items():
        assert counts[length] / COUNT == pytest.approx(weight / 100, abs=0.12)
    assert max(STEPS) == 4
    assert max(OOD_STEPS) > 4


def test_some_wordings_occur_out_of_distribution_only(
    arithmetic: dict[str, list[Problem]],
) -> None:
    unseen = ("In the end, how many", "At first", "are sold.", "Each of", "from a friend.")
    for split in ("pretrain", "train", "test"):
        assert not any(
            words in problem.question for problem in arithmetic[split] for words in unseen
        )
    questions = [problem.question for problem in arithmetic["ood"]]
    for words in unseen:
        assert any(words in question for question in questions)
    assert sum(any(words in question for words in unseen) for question in questions) > COUNT / 2


def test_some_problems_have_distractors(arithmetic: dict[str, list[Problem]]) -> None:
    questions = [problem.question for problem in arithmetic["test"]]
    distracted = [
        q for q in questions if " years old." in q or " also has " in q or " minutes." in q
    ]
    assert 0.03 < len(distracted) / COUNT < 0.4

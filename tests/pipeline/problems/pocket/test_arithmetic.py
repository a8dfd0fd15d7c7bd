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
def test_every_number_on_the_way_is_a_small_whole_one(
    split: str, arithmetic: dict[str, list[Problem]]
) -> None:
    for told in arithmetic[split]:
        values = [step.value for step in replay(told, FUNCTIONS).calculations]
        assert len(values) == len(told.reference)
        assert all(value is not None and value.denominator == 1 for value in values), told
        assert 1 <= int(told.answer) <= LARGEST


@pytest.mark.parametrize("split", SPLITS)
def test_each_call_is_a_step_of_the_worked_chain(
    split: str, arithmetic: dict[str, list[Problem]]
) -> None:
    for told in arithmetic[split]:
        chain = reference_chain(told, FUNCTIONS)
        assert chain is not None, told
        assert len(chain.steps) == len(told.reference) + 1


@pytest.mark.parametrize(
    ("split", "steps"), [("test", STEPS), ("train", STEPS), ("ood", OOD_STEPS)]
)
def test_problems_have_as_many_steps_as_their_split_allows(
    split: str, steps: dict[int, int], arithmetic: dict[str, list[Problem]]
) -> None:
    counts = Counter(len(told.reference) for told in arithmetic[split])
    assert set(counts) == set(steps)
    for length, weight in steps.items():
        assert counts[length] / COUNT == pytest.approx(weight / 100, abs=0.12)
    assert max(STEPS) == 4
    assert max(OOD_STEPS) > 4


def test_some_wordings_are_kept_for_out_of_distribution(
    arithmetic: dict[str, list[Problem]],
) -> None:
    kept = ("In the end, how many", "At first", "are sold.", "Each of", "from a friend.")
    for split in ("pretrain", "train", "test"):
        assert not any(words in told.question for told in arithmetic[split] for words in kept)
    asked = [told.question for told in arithmetic["ood"]]
    for words in kept:
        assert any(words in question for question in asked)
    assert sum(any(words in question for words in kept) for question in asked) > COUNT / 2


def test_some_problems_mention_what_does_not_matter(arithmetic: dict[str, list[Problem]]) -> None:
    told = [told.question for told in arithmetic["test"]]
    distracted = [q for q in told if " years old." in q or " also has " in q or " minutes." in q]
    assert 0.03 < len(distracted) / COUNT < 0.4

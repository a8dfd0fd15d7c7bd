"""Fixtures: the first problems of the pocket world."""

from __future__ import annotations

import pytest

from pipeline.problems.pocket.world import problems
from pipeline.records import Problem

SPLITS = ("pretrain", "train", "test", "ood")
COUNT = 150  # problems of each task


@pytest.fixture(scope="session")
def world() -> dict[str, list[Problem]]:
    """The first problems of each split."""
    return {split: list(problems(2 * COUNT, 0, split)) for split in SPLITS}


@pytest.fixture(scope="session")
def arithmetic(world: dict[str, list[Problem]]) -> dict[str, list[Problem]]:
    return _of("arithmetic", world)


@pytest.fixture(scope="session")
def logic(world: dict[str, list[Problem]]) -> dict[str, list[Problem]]:
    return _of("logic", world)


def _of(task: str, world: dict[str, list[Problem]]) -> dict[str, list[Problem]]:
    return {split: [p for p in problems if p.task == task] for split, problems in world.items()}

"""The pocket world's problems: arithmetic stories and first-order logic, in turn.

Problem i of a split depends on the seed, the split and i alone, so asking for more problems keeps
the earlier ones. A question's hash decides which split it may appear in, and every
out-of-distribution question has an unseen wording, so no question appears in two splits.

Not here: what is told (`arithmetic`, `logic`).
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pipeline.problems.pocket import arithmetic, logic
from pipeline.problems.pocket.narration import Unfit
from pipeline.problems.reference.formulas import entailed
from pipeline.records import Problem

PRETRAIN = "pretrain"
TASKS = {"arithmetic": arithmetic.tell, "logic": logic.tell}  # problem i is of task i modulo 2
PATIENCE = 60.0  # seconds for Z3, which needs milliseconds: no busy machine changes a problem
_SHARES = {PRETRAIN: range(0, 160), "train": range(160, 208), "test": range(208, 256)}


def problems(count: int, seed: int, split: str) -> Iterator[Problem]:
    """The first `count` problems of `split` ("pretrain", "train", "test" or "ood")."""
    for index in range(count):
        yield problem(index, seed, split)


def fresh_problems(problems: Sequence[Problem], seed: int) -> Iterator[Problem]:
    """Training problems without end, after those in `problems`; no question comes twice, and none
    that is asked there."""
    asked = {problem.question for problem in problems}
    start = sum(problem.split == "train" for problem in problems)
    for index in itertools.count(start):
        made = problem(index, seed, "train")
        if made.question not in asked:
            asked.add(made.question)
            yield made


@lru_cache(maxsize=10_000)  # a proof takes milliseconds, and each round tells the problems anew
def problem(index: int, seed: int, split: str) -> Problem:
    """Problem `index` of `split`."""
    rng = random.Random(f"{seed}/{split}/{index}")
    name = f"pocket-{split}-{seed}-{index:06d}"
    task, tell = [*TASKS.items()][index % len(TASKS)]
    ood = split == "ood"
    while True:
        try:
            told = tell(rng, ood)
        except Unfit:
            continue
        made = Problem(name, task, told.question, told.answer, split, tuple(told.reference))
        fits = told.strange if ood else _share(made.question) in _SHARES[split]
        if fits and _proved(made):
            return made


def _proved(made: Problem) -> bool:
    """Whether Z3 finds the answer that a problem of logic was made for."""
    return made.task != "logic" or entailed(made, PATIENCE) == made.answer


def _share(question: str) -> int:
    return hashlib.sha256(question.encode()).digest()[0]

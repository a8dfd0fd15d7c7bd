"""The pocket world's problems: arithmetic stories and first-order logic, alternating.

Problem i of a split depends only on the seed, the split and i, so a larger count extends the
sequence. A question's hash decides its split, and every out-of-distribution question has an unseen
wording, so no question occurs in two splits.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pipeline.problems.pocket import arithmetic, logic
from pipeline.problems.pocket.narration import Unfit
from pipeline.problems.pocket.template import template_group
from pipeline.problems.reference.formulas import entailed
from pipeline.records import Problem

PRETRAIN = "pretrain"
TASKS = {  # problem i is of task i modulo 2
    "arithmetic": arithmetic.generate,
    "logic": logic.generate,
}
Z3_SECONDS = 60.0  # Z3 needs milliseconds; the margin keeps problems the same on a busy machine
_HASH_BYTES = {PRETRAIN: range(0, 160), "train": range(160, 208), "test": range(208, 256)}


def problems(count: int, seed: int, split: str) -> Iterator[Problem]:
    """The first `count` problems of `split` ("pretrain", "train", "test" or "ood")."""
    for index in range(count):
        yield problem(index, seed, split)


def fresh_problems(problems: Sequence[Problem], seed: int) -> Iterator[Problem]:
    """Endless training problems that continue after those in `problems`; all questions are new."""
    known = {problem.question for problem in problems}
    start = sum(problem.split == "train" for problem in problems)
    for index in itertools.count(start):
        candidate = problem(index, seed, "train")
        if candidate.question not in known:
            known.add(candidate.question)
            yield candidate


@lru_cache(maxsize=10_000)  # Z3 takes milliseconds, and each round generates the problems again
def problem(index: int, seed: int, split: str) -> Problem:
    """Problem `index` of `split`."""
    rng = random.Random(f"{seed}/{split}/{index}")
    problem_id = f"pocket-{split}-{seed}-{index:06d}"
    task, generate = [*TASKS.items()][index % len(TASKS)]
    ood = split == "ood"
    while True:
        try:
            draft = generate(rng, ood)
        except Unfit:
            continue
        reference = tuple(draft.reference)
        question, group = draft.question, template_group(draft.question)
        candidate = Problem(problem_id, task, question, draft.answer, split, reference, group)
        in_split = (
            draft.has_unseen_wording if ood else _hash_byte(draft.question) in _HASH_BYTES[split]
        )
        if in_split and _verified(candidate):
            return candidate


def _verified(candidate: Problem) -> bool:
    """Whether Z3 proves the intended answer of a logic problem; True for other tasks."""
    return candidate.task != "logic" or entailed(candidate, Z3_SECONDS) == candidate.answer


def _hash_byte(question: str) -> int:
    return hashlib.sha256(question.encode()).digest()[0]

"""What strategies choose from, and what they choose.

Not here: the strategies (`pipeline.pairs.strategies`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from pipeline.records import Chain, Step


@dataclass(frozen=True, slots=True)
class Candidates:
    """Chains of one problem: `correct` and `incorrect` ones of models, and the reference's.

    `continued` holds what the teacher made of the student's incorrect chains from each of their
    steps, by the student's sample and the number of its steps that were kept, with whether that was
    correct (None: engine error). They are in neither `correct` nor `incorrect`.
    """

    problem_id: str
    question: str
    correct: tuple[Chain, ...]
    incorrect: tuple[Chain, ...]
    reference: Chain | None = None
    continued: tuple[tuple[Chain, bool | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A pair of chains that share their first `shared` steps."""

    chosen: Chain
    rejected: Chain
    shared: int = 0


def shared_steps(first: Chain, second: Chain) -> int:
    """How many steps two chains have in common before they part; at least one is left to each
    that has any."""
    same = takewhile(_alike, zip(first.steps, second.steps, strict=False))
    return max(0, min(sum(1 for _ in same), len(first.steps) - 1, len(second.steps) - 1))


def _alike(steps: tuple[Step, Step]) -> bool:
    first, second = steps
    return first.reply == second.reply and first.result == second.result

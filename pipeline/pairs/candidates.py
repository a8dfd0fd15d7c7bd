"""Input and output of strategies: the chains of one problem, and the draft of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from pipeline.records import Chain, Step


@dataclass(frozen=True, slots=True)
class Candidates:
    """Chains of one problem: `correct` and `incorrect` model chains, and the reference solution.

    `unaided` holds correct chains that are not chosen: no call bears on their answer
    (`pairs.needs_call`).

    `continued` holds the teacher's continuations of the student's incorrect chains, each with its
    correctness (None: engine error). `sample_index` is that of the student's chain, `prefix_steps`
    the number of its steps that were reused. They are in neither `correct` nor `incorrect`.
    """

    problem_id: str
    question: str
    correct: tuple[Chain, ...]
    incorrect: tuple[Chain, ...]
    reference: Chain | None = None
    continued: tuple[tuple[Chain, bool | None], ...] = ()
    unaided: tuple[Chain, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A pair of chains that share their first `shared` steps."""

    chosen: Chain
    rejected: Chain
    shared: int = 0


def shared_steps(first: Chain, second: Chain) -> int:
    """The length of the common prefix of two chains, in steps; each non-empty chain has at least
    one step after it. A step is shared as a whole or not at all, also one with several calls."""
    same = takewhile(_are_same, zip(first.steps, second.steps, strict=False))
    return max(0, min(sum(1 for _ in same), len(first.steps) - 1, len(second.steps) - 1))


def _are_same(steps: tuple[Step, Step]) -> bool:
    first, second = steps
    return first.reply == second.reply and first.result == second.result

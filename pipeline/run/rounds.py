"""Rounds: which problems each learns from, what tells them apart, and when they have ended.

A round makes chains with the student of the round before, builds pairs of them, and trains that
student on: iterative DPO (arXiv 2409.02392). Its student is measured, greedily, on problems that
no round learns from and no evaluation holds; a gain within noise ends the rounds.

Pure. Not here: the stages of a round (`pipeline.run.run`), the measuring
(`pipeline.run.round_selection`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.errors import CannotStart
from pipeline.evaluation.statistics import paired, wilson
from pipeline.hashing import stable_hash
from pipeline.problems.pocket.world import fresh_problems
from pipeline.problems.reader import ProblemFile, decontaminated
from pipeline.problems.source import POCKET
from pipeline.recipe.load import Recipe
from pipeline.records import Problem

HELDOUT = "heldout"  # split of the problems that choose between rounds
FEWEST_LEFT = 4  # training problems for each one set aside

Solved = Mapping[str, bool]
"""Whether each problem was solved, by its id."""


def without_heldout(recipe: Recipe, source: ProblemFile) -> tuple[ProblemFile, tuple[Problem, ...]]:
    """The problems of the first of several rounds, and those that choose between rounds."""
    wanted = recipe.train.heldout_problems
    if source.format == POCKET:
        fresh = itertools.islice(fresh_problems(source.problems, recipe.seed), wanted)
        return source, tuple(replace(problem, split=HELDOUT) for problem in fresh)
    kept, heldout = set_aside(source.problems, wanted)
    return replace(source, problems=kept), heldout


def source_of_round(
    recipe: Recipe, source: ProblemFile, heldout: tuple[Problem, ...], number: int
) -> ProblemFile:
    """The problems of a round, from those of the first: fresh ones to train on where there is a
    generator, else the same."""
    if number == 1 or source.format != POCKET:
        return source
    count = sum(problem.split == "train" for problem in source.problems)
    endless = fresh_problems((*source.problems, *heldout), recipe.seed)
    fresh = itertools.islice(endless, count * (number - 2), count * (number - 1))
    others = (problem for problem in source.problems if problem.split != "train")
    made = ProblemFile((*fresh, *others), (), POCKET)
    return decontaminated(made, recipe.problems.decontaminate_ngram)


def set_aside(
    problems: Sequence[Problem], wanted: int
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Problems of a file without its held-out ones, and these: `wanted`, or a fifth of those of
    split train if that is fewer, told by the hash of the question.

    A question that is held out is in no other split, so it trains nothing. Raises CannotStart where
    there are too few to set one aside.
    """
    asked_elsewhere = {problem.question for problem in problems if problem.split != "train"}
    training = {p.question: p for p in problems if p.split == "train"}
    fitting = [p for question, p in training.items() if question not in asked_elsewhere]
    count = min(wanted, len(fitting) // (FEWEST_LEFT + 1))
    if not count:
        raise CannotStart(
            f"train.rounds above 1 needs at least {FEWEST_LEFT + 1} training problems, of which a "
            f"fifth is held out to choose between rounds; there are {len(fitting)}"
        )
    fitting.sort(key=lambda problem: stable_hash(problem.question))
    heldout = tuple(replace(problem, split=HELDOUT) for problem in fitting[:count])
    questions = {problem.question for problem in heldout}
    return tuple(p for p in problems if p.question not in questions), heldout


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rounds so far came to: the best one by held-out accuracy, why they have ended (None:
    they go on), and a line on each student, the one before the first round first."""

    best: int
    stopped: str | None
    students: tuple[dict[str, Any], ...]


def outcome(solved: Sequence[Solved], most: int) -> Outcome:
    """Judge rounds by what their students solved, the one before the first round first.

    The rounds end when `most` were trained, or when the paired 95% interval of the last one's gain
    over the one before reaches zero. The best round is the earliest of those that solved the
    largest share.
    """
    students = [_line(number, solved) for number in range(len(solved))]
    last = len(solved) - 1
    best = max(range(1, len(solved)), key=lambda number: (students[number]["accuracy"], -number))
    return Outcome(best, _why_stopped(last, students[last]["gain_ci95"], most), tuple(students))


def _why_stopped(last: int, gain_ci95: Sequence[float], most: int) -> str | None:
    low, high = gain_ci95
    if high < 0:
        return f"round {last} made the student worse"
    if low <= 0:
        return f"the gain of round {last} is within noise"
    return f"all {most} rounds were trained" if last == most else None


def _line(number: int, solved: Sequence[Solved]) -> dict[str, Any]:
    mine = solved[number]
    right, n = sum(mine.values()), len(mine)
    line = {
        "round": number,
        "n": n,
        "correct": right,
        "accuracy": right / n if n else 0.0,
        "ci95": list(wilson(right, n)),
    }
    return line | (_gain(solved[number - 1], mine) if number else {})


def _gain(before: Solved, after: Solved) -> dict[str, Any]:
    both = sorted(before.keys() & after.keys())
    found = asdict(paired([before[key] for key in both], [after[key] for key in both]))
    low, high = found["ci95"]
    return {"gain": found["gain"], "gain_ci95": [low, high], "p_value": found["p_value"]}


def told(found: Outcome) -> str:
    """The last round in one plain line."""
    before, last = found.students[-2:]
    number, (low, high) = last["round"], last["gain_ci95"]
    name = f"round {number - 1}" if number > 1 else "the student before"
    going = f"on with round {number + 1}"
    if found.stopped is not None:
        going = f"rounds end: {found.stopped}; student/ is that of round {found.best}"
    return (
        f"round {number}: {100 * last['accuracy']:.1f}% of {last['n']:,} held-out problems solved, "
        f"{name}: {100 * before['accuracy']:.1f}%; gain {100 * last['gain']:+.1f} points "
        f"(95% {100 * low:+.1f} to {100 * high:+.1f}); {going}"
    )

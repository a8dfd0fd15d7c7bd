"""Rounds: the problems of each, and the rule that ends them.

A round makes chains with the student of the previous round, builds pairs from them, and trains that
student further: iterative DPO (arXiv 2409.02392). Its student is measured greedily on held-out
problems, which no round trains on and no evaluation uses; a gain within noise ends the rounds.

Pure. Not here: the measurement (`pipeline.run.round_selection`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.errors import CannotStart
from pipeline.evaluation.report import percent
from pipeline.evaluation.statistics import LEVEL, paired, wilson
from pipeline.hashing import stable_hash
from pipeline.problems.pocket.world import fresh_problems
from pipeline.problems.reader import ProblemFile, decontaminated
from pipeline.problems.source import POCKET
from pipeline.recipe.load import Recipe
from pipeline.records import Problem

HELDOUT = "heldout"  # split of the problems that choose between rounds
FEWEST_LEFT = 4  # training problems left per held-out one

Solved = Mapping[str, bool]
"""Whether each problem was solved, by problem id."""


def without_heldout(recipe: Recipe, source: ProblemFile) -> tuple[ProblemFile, tuple[Problem, ...]]:
    """The problems of the first of several rounds, and the held-out ones."""
    wanted = recipe.train.heldout_problems
    if source.format == POCKET:
        fresh = itertools.islice(fresh_problems(source.problems, recipe.seed), wanted)
        return source, tuple(replace(problem, split=HELDOUT) for problem in fresh)
    rest, heldout = set_aside(source.problems, wanted)
    return replace(source, problems=rest), heldout


def source_of_round(
    recipe: Recipe, source: ProblemFile, heldout: tuple[Problem, ...], number: int
) -> ProblemFile:
    """The problems of a round: fresh training problems if there is a generator, else those of the
    first round."""
    if number == 1 or source.format != POCKET:
        return source
    count = sum(problem.split == "train" for problem in source.problems)
    endless = fresh_problems((*source.problems, *heldout), recipe.seed)
    fresh = itertools.islice(endless, count * (number - 2), count * (number - 1))
    others = (problem for problem in source.problems if problem.split != "train")
    problems = ProblemFile((*fresh, *others), (), POCKET)
    return decontaminated(problems, recipe.problems.decontaminate_ngram)


def set_aside(
    problems: Sequence[Problem], wanted: int
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Split problems into the rest and the held-out ones: `wanted`, but at most a fifth of split
    train, chosen by the hash of the question.

    A held-out question occurs in no other split. Raises CannotStart if there are too few problems.
    """
    in_other_splits = {problem.question for problem in problems if problem.split != "train"}
    training = {p.question: p for p in problems if p.split == "train"}
    eligible = [p for question, p in training.items() if question not in in_other_splits]
    count = min(wanted, len(eligible) // (FEWEST_LEFT + 1))
    if not count:
        raise CannotStart(
            f"train.rounds above 1 needs at least {FEWEST_LEFT + 1} training problems, of which a "
            f"fifth is held out to choose between rounds; there are {len(eligible)}"
        )
    eligible.sort(key=lambda problem: stable_hash(problem.question))
    heldout = tuple(replace(problem, split=HELDOUT) for problem in eligible[:count])
    questions = {problem.question for problem in heldout}
    return tuple(p for p in problems if p.question not in questions), heldout


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of the rounds so far: the best one on held-out problems, the reason why they ended
    (None: they continue), and figures of each student, starting with the one before round 1."""

    best: int
    stopped: str | None
    students: tuple[dict[str, Any], ...]


def outcome(solved: Sequence[Solved], most: int) -> Outcome:
    """Compare rounds by the problems that their students solved; round 0 is the student before
    training.

    The rounds end when `most` are trained, or when the exact paired test of the last gain finds no
    difference. The best round, 0 included, is the earliest one that solved most of the problems
    that were measured for every student.
    """
    students = [_figures(number, solved) for number in range(len(solved))]
    common = set.intersection(*(set(own) for own in solved))
    correct = [sum(own[problem] for problem in common) for own in solved]
    why = _why_stopped(len(solved) - 1, students[-1], most)
    return Outcome(correct.index(max(correct)), why, tuple(students))


def _why_stopped(last: int, figures: Mapping[str, Any], most: int) -> str | None:
    if figures["p_value"] >= LEVEL:
        return f"the gain of round {last} is within noise"
    if figures["gain"] < 0:
        return f"round {last} made the student worse"
    return f"all {most} rounds were trained" if last == most else None


def _figures(number: int, solved: Sequence[Solved]) -> dict[str, Any]:
    own = solved[number]
    correct, n = sum(own.values()), len(own)
    figures = {
        "round": number,
        "n": n,
        "correct": correct,
        "accuracy": correct / n if n else None,
        "ci95": list(wilson(correct, n)),
    }
    return figures | (_gain(solved[number - 1], own) if number else {})


def _gain(before: Solved, after: Solved) -> dict[str, Any]:
    common = sorted(before.keys() & after.keys())
    result = asdict(paired([before[key] for key in common], [after[key] for key in common]))
    return {
        "gain": result["gain"] if common else None,
        "gain_ci95": list(result["ci95"]),
        "p_value": result["p_value"],
        "compared": result["n"],  # of the problems, those with a verdict of both students
    }


def student_text(number: int) -> str:
    """Which student `student/` is, by the number of its round."""
    return f"that of round {number}" if number else "the one before training"


def describe(result: Outcome) -> str:
    """The last round in one line."""
    before, last = result.students[-2:]
    number = last["round"]
    name = f"round {number - 1}" if number > 1 else "the student before"
    next_step = f"continuing with round {number + 1}"
    if result.stopped is not None:
        next_step = f"rounds end: {result.stopped}; student/ is {student_text(result.best)}"
    return (
        f"round {number}: {percent(last['accuracy'])} of {last['n']:,} held-out problems solved, "
        f"{name}: {percent(before['accuracy'])}; {_gain_text(last)}; {next_step}"
    )


def _gain_text(figures: Mapping[str, Any]) -> str:
    if figures["gain"] is None:
        return "no problem has a verdict of both"
    low, high = figures["gain_ci95"]
    return (
        f"gain {100 * figures['gain']:+.1f} points (95% {100 * low:+.1f} to {100 * high:+.1f}, "
        f"p={figures['p_value']:.2g})"
    )

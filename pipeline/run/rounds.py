"""Rounds: the problems of each, and the rule that ends them.

A round makes chains with the student of the previous round, builds pairs from them, and trains that
student further: iterative DPO (arXiv 2409.02392). Its student is measured greedily on held-out
problems, which no round trains on and no evaluation uses; a gain within noise ends the rounds.

Pure. Not here: the measurement (`pipeline.run.round_selection`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        endless = _of_other_groups(fresh_problems(source.problems, recipe.seed), source.problems)
        fresh = itertools.islice(endless, wanted)
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
    endless = _of_other_groups(endless, heldout)
    fresh = itertools.islice(endless, count * (number - 2), count * (number - 1))
    others = (problem for problem in source.problems if problem.split != "train")
    problems = ProblemFile((*fresh, *others), (), POCKET)
    return decontaminated(problems, recipe.problems.decontaminate_ngram)


def set_aside(
    problems: Sequence[Problem], wanted: int
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Split problems into the rest and the held-out ones: at most `wanted` and a fifth of split
    train, in whole groups chosen by their hash. A problem without a group is one with its question.

    A held-out question or group occurs in no other split. Raises CannotStart if there are too few
    problems.
    """
    others = [problem for problem in problems if problem.split != "train"]
    taken = {group_of(problem) for problem in others} | {problem.question for problem in others}
    training = {p.question: p for p in problems if p.split == "train"}
    groups: dict[str, list[Problem]] = {}
    for question, problem in training.items():
        if not {question, group_of(problem)} & taken:
            groups.setdefault(group_of(problem), []).append(problem)
    eligible = sum(map(len, groups.values()))
    heldout = _whole_groups(groups, min(wanted, eligible // (FEWEST_LEFT + 1)))
    if not heldout:
        raise CannotStart(_too_few(eligible, groups))
    chosen = {p.question for p in heldout} | {group_of(p) for p in heldout}
    rest = tuple(p for p in problems if not {p.question, group_of(p)} & chosen)
    return rest, tuple(replace(problem, split=HELDOUT) for problem in heldout)


def group_of(problem: Problem) -> str:
    """What a problem shares with those that are held out with it."""
    return problem.group or problem.question


def _whole_groups(groups: Mapping[str, Sequence[Problem]], most: int) -> list[Problem]:
    """At most `most` problems: each group that still fits, by the order of the groups' hashes."""
    chosen: list[Problem] = []
    for name in sorted(groups, key=stable_hash):
        if len(chosen) + len(groups[name]) <= most:
            chosen += groups[name]
    return chosen


def _too_few(eligible: int, groups: Mapping[str, Sequence[Problem]]) -> str:
    needs = (
        f"train.rounds above 1 needs at least {FEWEST_LEFT + 1} training problems, of which a "
        f"fifth is held out to choose between rounds; there are {eligible}"
    )
    if eligible <= FEWEST_LEFT:
        return needs
    smallest = min(map(len, groups.values()))
    return f"{needs}, but the smallest of {len(groups)} groups (problems.group) has {smallest}"


def _of_other_groups(fresh: Iterable[Problem], known: Iterable[Problem]) -> Iterator[Problem]:
    groups = {group_of(problem) for problem in known}
    return (problem for problem in fresh if group_of(problem) not in groups)


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

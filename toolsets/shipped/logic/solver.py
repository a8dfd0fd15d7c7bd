"""What follows from what: Z3, asked within a time limit.

A question is whether formulas can all be true together. It is asked in three ways until one
answers: Z3 with quantifiers, which proves that they cannot; worlds of one, two, three, … things,
which shows that they can; Z3 once more with several strategies, for the time that is left. The
meaning is the usual one: there is at least one thing, and two names may mean the same.

Where premises contradict each other everything follows from them, a conclusion as well as its
negation; `entails` answers True then, because the conclusion does follow, and says why. Where it
answers Uncertain only because two names may mean the same, it says that too.

Not here: reading formulas (`parser`, `lenient`), the functions that a model calls (`questions`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from toolsets.languages.formula.syntax import (
    Binary,
    Equality,
    Formula,
    Function,
    Not,
    Symbol,
    symbols,
    walk,
)
from toolsets.shipped.logic.smt import finite_script, number_symbols, script

if TYPE_CHECKING:
    import z3

SECONDS = 2.0  # for one call, whatever number of questions it asks
QUICK = 0.1  # of the time, for the first of the three ways
SMALL_WORLDS = 0.25  # of what is left then
LARGEST_WORLD = 6  # things
MOST_APART = 20  # constants
MOST_INSTANCES = 10_000  # of quantified formulas: beyond, Z3 may overrun its time tenfold

# What one strategy cannot answer in a minute another may answer at once, so that each gets a share
# of the time. These together proved the most of Pelletier's problems.
DEFAULTS: Mapping[str, Any] = {}
STRATEGIES: tuple[tuple[float, Mapping[str, Any]], ...] = (  # share, parameters of Z3's smt solver
    (0.1, {"auto_config": False, "smt.ematching": False}),
    (0.4, {"pull_nested_quantifiers": True}),
    (0.3, {"auto_config": False}),
    (0.2, {"random_seed": 2}),
)

Answer = Literal["True", "False", "Uncertain", "Undecided"]

INCONSISTENT = "the premises contradict each other, so that everything follows from them"
_ANSWERS = {"sat": True, "unsat": False}


@dataclass(frozen=True, slots=True)
class World:
    """Z3's model over things e0, e1, …, and how it calls the symbols (see `worlds`)."""

    size: int
    names: dict[Symbol, str]
    model: z3.ModelRef


@dataclass(frozen=True, slots=True)
class Entailment:
    """`answer` and what a reader of it should know, a sentence each."""

    answer: Answer
    warnings: tuple[str, ...] = ()


def entails(
    premises: Sequence[Formula], conclusion: Formula, seconds: float = SECONDS
) -> Entailment:
    """True: it follows. False: its negation follows. Uncertain: neither. Undecided: out of time."""
    against, together = [*premises, Not(conclusion)], [*premises, conclusion]
    refuted, possible = decide([against, together], seconds)
    match refuted, possible:
        case False, False:
            return Entailment("True", (INCONSISTENT,))
        case False, _:
            return Entailment("True")
        case _, False:
            return Entailment("False")
        case True, True:
            return Entailment("Uncertain", _told_apart(premises, conclusion, seconds))
    return Entailment("Undecided", (f"no answer within {seconds:g} s",))


def told_apart(formulas: Sequence[Formula]) -> list[Formula]:
    """That their constants, the first MOST_APART, mean different things, two by two."""
    constants = [Function(s.name) for s in symbols(*formulas) if s[::2] == ("function", 0)]
    return [Not(Equality(*pair)) for pair in combinations(constants[:MOST_APART], 2)]


def _told_apart(
    premises: Sequence[Formula], conclusion: Formula, seconds: float
) -> tuple[str, ...]:
    """What would follow if different names meant different things: a sentence, or nothing."""
    if not any(isinstance(part, Equality) for f in (*premises, conclusion) for part in walk(f)):
        return ()
    apart = [*premises, *told_apart([*premises, conclusion])]
    against, together = decide([[*apart, Not(conclusion)], [*apart, conclusion]], seconds / 4)
    if against == together or None in (against, together):
        return ()
    return (f"{together} if different names mean different things",)


def consistent(formulas: Sequence[Formula], seconds: float = SECONDS) -> bool | None:
    """Whether they can all be true together; None where the time did not do."""
    return decide([list(formulas)], seconds)[0]


def equivalent(left: Formula, right: Formula, seconds: float = SECONDS) -> bool | None:
    """Whether two formulas are true in the same worlds; None where the time did not do."""
    differ = decide([[Not(Binary("↔", left, right))]], seconds)[0]
    return None if differ is None else not differ


def decide(questions: Sequence[list[Formula]], seconds: float) -> list[bool | None]:
    """For each list of formulas: can they all be true together? None where the time did not do.

    Once one cannot, the others are asked in the quick ways only: they add no more than a warning.
    """
    end = time.monotonic() + seconds
    answers: list[bool | None] = [None] * len(questions)
    for way in (_ask_briefly, _ask_small_worlds, _ask_patiently):
        for number in [number for number, answer in enumerate(answers) if answer is None]:
            left = (end - time.monotonic()) / answers.count(None)
            if left > 0 and not (way is _ask_patiently and False in answers):
                answers[number] = way(questions[number], left)
    return answers


def small_worlds(formulas: Sequence[Formula], seconds: float) -> Iterator[World]:
    """Worlds of one thing, two, … in which the formulas are true, until the time is over."""
    end = time.monotonic() + seconds
    for size in range(1, LARGEST_WORLD + 1):
        text = finite_script(formulas, size)
        left = end - time.monotonic()
        if text is None or left <= 0:
            return
        solver, result = _check(text, left)
        if _ANSWERS.get(repr(result)):
            yield World(size, number_symbols(formulas), solver.model())


def _ask_briefly(formulas: list[Formula], seconds: float) -> bool | None:
    return _ANSWERS.get(repr(_check(script(formulas), QUICK * seconds)[1]))


def _ask_small_worlds(formulas: list[Formula], seconds: float) -> bool | None:
    return True if next(small_worlds(formulas, SMALL_WORLDS * seconds), None) else None


def _ask_patiently(formulas: list[Formula], seconds: float) -> bool | None:
    text = script(formulas)
    for share, parameters in STRATEGIES:
        answer = _ANSWERS.get(repr(_check(text, share * seconds, parameters)[1]))
        if answer is not None:
            return answer
    return None


def _check(
    text: str, seconds: float, parameters: Mapping[str, Any] = DEFAULTS
) -> tuple[z3.Solver, z3.CheckSatResult]:
    """What Z3 says to a script, in a context of its own: what came before must not matter."""
    import z3  # which only a call should load

    solver = z3.Solver(ctx=z3.Context())
    solver.set("timeout", max(1, int(1000 * seconds)))
    solver.set("smt.qi.max_instances", MOST_INSTANCES)
    for name, value in parameters.items():
        solver.set(name, value)
    try:
        solver.from_string(text)
        return solver, solver.check()
    except z3.Z3Exception:  # out of memory
        return solver, z3.unknown

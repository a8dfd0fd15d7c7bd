"""Decide entailment and consistency with Z3 within a time limit.

A query asks whether formulas can all be true together. Three methods are tried until one answers:
Z3 with quantifiers, which proves that they cannot; a search for a world of one, two, three, …
things, which proves that they can; Z3 with several strategies, for the remaining time. The
semantics are standard: there is at least one thing, and two names may denote the same thing, except
for numbers of different values.

Contradicting premises entail both a conclusion and its negation; `entails` then answers True,
because the conclusion does follow, with a warning. If the answer is Uncertain only because two
names may denote the same thing, a warning says so.

Not here: parsing (`toolsets.languages.formula`), the functions that a model calls (`questions`).
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
    number_value,
    symbols,
    walk,
)
from toolsets.shipped.logic.smt import count_numbers, finite_script, number_symbols, script

if TYPE_CHECKING:
    import z3

SECONDS = 2.0  # for all queries of one call
QUICK_SHARE = 0.1  # of the time, for the first of the three methods
SMALL_WORLDS_SHARE = 0.25  # of the remaining time, for the second
WORLDS = 6  # sizes that are tried
MOST_DISTINCT = 20  # constants
MOST_INSTANCES = 10_000  # of quantified formulas; with more, Z3 may overrun its time tenfold

# One strategy may answer at once what another cannot answer in a minute, so each gets a share of
# the time. This set proved the most of Pelletier's problems.
DEFAULTS: Mapping[str, Any] = {}
STRATEGIES: tuple[tuple[float, Mapping[str, Any]], ...] = (  # share of time, Z3 parameters
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
    """Z3's model over `size` things e0, e1, …, and its names for the symbols (see `worlds`)."""

    size: int
    names: dict[Symbol, str]
    model: z3.ModelRef


@dataclass(frozen=True, slots=True)
class Entailment:
    """An answer and its warnings."""

    answer: Answer
    warnings: tuple[str, ...] = ()


def entails(
    premises: Sequence[Formula], conclusion: Formula, seconds: float = SECONDS
) -> Entailment:
    """True: it follows. False: its negation follows. Uncertain: neither. Undecided: timeout."""
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
            return Entailment("Uncertain", _distinct_names_warning(premises, conclusion, seconds))
    return Entailment("Undecided", (f"no answer within {seconds:g} s",))


def consistent(formulas: Sequence[Formula], seconds: float = SECONDS) -> bool | None:
    """Whether the formulas can all be true together; None on timeout."""
    return decide([list(formulas)], seconds)[0]


def equivalent(left: Formula, right: Formula, seconds: float = SECONDS) -> bool | None:
    """Whether two formulas are true in the same worlds; None on timeout."""
    differ = decide([[Not(Binary("↔", left, right))]], seconds)[0]
    return None if differ is None else not differ


def decide(queries: Sequence[list[Formula]], seconds: float) -> list[bool | None]:
    """For each list of formulas, whether they can all be true together; None on timeout.

    After a False, the other queries skip the last, slow method: they only add a warning.
    """
    end = time.monotonic() + seconds
    answers: list[bool | None] = [None] * len(queries)
    for method in (_try_briefly, _try_small_worlds, _try_strategies):
        for number in [number for number, answer in enumerate(answers) if answer is None]:
            left = (end - time.monotonic()) / answers.count(None)
            if left > 0 and not (method is _try_strategies and False in answers):
                answers[number] = method(queries[number], left)
    return answers


def small_worlds(formulas: Sequence[Formula], seconds: float) -> Iterator[World]:
    """Yield worlds in which the formulas are true, the smallest first, until the time is over."""
    end = time.monotonic() + seconds
    for size in world_sizes(formulas):
        text = finite_script(formulas, size)
        left = end - time.monotonic()
        if text is None or left <= 0:
            return
        solver, result = _check(text, left)
        if _ANSWERS.get(repr(result)):
            yield World(size, number_symbols(formulas), solver.model())


def world_sizes(formulas: Sequence[Formula]) -> range:
    """The numbers of things that are tried: from one, or from the different numbers."""
    smallest = max(1, count_numbers(formulas))
    return range(smallest, smallest + WORLDS)


def _distinct_names_warning(
    premises: Sequence[Formula], conclusion: Formula, seconds: float
) -> tuple[str, ...]:
    """A warning if distinct names would decide the question, else nothing."""
    if not any(isinstance(part, Equality) for f in (*premises, conclusion) for part in walk(f)):
        return ()
    distinct = [*premises, *_distinct_constants([*premises, conclusion])]
    against, together = decide([[*distinct, Not(conclusion)], [*distinct, conclusion]], seconds / 4)
    if against == together or None in (against, together):
        return ()
    return (f"{together} if different names mean different things",)


def _distinct_constants(formulas: Sequence[Formula]) -> list[Formula]:
    """Pairwise inequalities of the first MOST_DISTINCT constants."""
    constants = [Function(s.name) for s in symbols(*formulas) if s[::2] == ("function", 0)]
    pairs = combinations(constants[:MOST_DISTINCT], 2)
    return [
        Not(Equality(one, other))
        for one, other in pairs
        if None in (number_value(one.name), number_value(other.name))
    ]


def _try_briefly(formulas: list[Formula], seconds: float) -> bool | None:
    return _ANSWERS.get(repr(_check(script(formulas), QUICK_SHARE * seconds)[1]))


def _try_small_worlds(formulas: list[Formula], seconds: float) -> bool | None:
    return True if next(small_worlds(formulas, SMALL_WORLDS_SHARE * seconds), None) else None


def _try_strategies(formulas: list[Formula], seconds: float) -> bool | None:
    text = script(formulas)
    for share, parameters in STRATEGIES:
        answer = _ANSWERS.get(repr(_check(text, share * seconds, parameters)[1]))
        if answer is not None:
            return answer
    return None


def _check(
    text: str, seconds: float, parameters: Mapping[str, Any] = DEFAULTS
) -> tuple[z3.Solver, z3.CheckSatResult]:
    """Run Z3 on a script, in a new context so that earlier calls do not affect the answer."""
    import z3  # here, so that only a call imports it

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

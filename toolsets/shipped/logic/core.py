"""A minimal set of premises from which a conclusion follows: an unsat core of Z3, shortened.

A premise is needed if the others leave the conclusion open, which a world shows (`solver.decide`).
Not here: the answer itself (`solver.entails`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from toolsets.languages.formula.syntax import Atom, Binary, Formula, Symbol
from toolsets.shipped.logic.smt import number_symbols, script
from toolsets.shipped.logic.solver import DEFAULTS, MOST_INSTANCES, STRATEGIES, decide

if TYPE_CHECKING:
    import z3

SECONDS = 1.0  # after the answer; with it below the executor's timeout of 5 s
CORE_SHARE = 0.4  # of the time, for Z3's unsat cores
SECONDS_PER_PREMISE = 0.25
QUICK_SECONDS = 0.05  # of them, for Z3 with all premises loaded; else `decide` starts anew


@dataclass(frozen=True, slots=True)
class Core:
    """The indices of contradicting premises.

    `minimal`: none can be left out. `only`: no other minimal set exists. None where undecided.
    """

    places: tuple[int, ...]
    minimal: bool | None
    only: bool | None


def contradicting(premises: Sequence[Formula], *fixed: Formula, seconds: float = SECONDS) -> Core:
    """A minimal set of premises that contradict `fixed`; that all of them do is known before."""
    prover = _Prover(premises, fixed, time.monotonic() + seconds)
    places, minimal = prover.shorten(prover.core(CORE_SHARE * seconds))
    only = prover.is_only(places) if minimal else None
    return Core(tuple(places), minimal or None, only)


class _Prover:
    """Z3 with all premises loaded, each behind a mark, so that any of them can be asked for."""

    def __init__(self, premises: Sequence[Formula], fixed: Sequence[Formula], end: float) -> None:
        self._premises, self._fixed, self._end = premises, fixed, end
        marks = [Atom(f"mark {place}") for place in range(len(premises))]  # no name of the parser
        pairs = zip(marks, premises, strict=True)
        formulas = [*(Binary("→", mark, premise) for mark, premise in pairs), *fixed]
        names = number_symbols(formulas)
        self._marks = [names[Symbol("predicate", mark.name, 0)] for mark in marks]
        self._text = script(formulas)
        self._loaded = self._load(DEFAULTS)

    def core(self, seconds: float) -> list[int]:
        """The first core that one of Z3's strategies gives, else all premises."""
        everything = list(range(len(self._premises)))
        for share, parameters in ((0.3, DEFAULTS), *STRATEGIES):
            loaded = self._load(parameters)
            if _ask(loaded, everything, share * seconds) is False:
                core = {str(mark) for mark in loaded.solver.unsat_core()}
                return [place for place in everything if self._marks[place] in core]
        return everything

    def shorten(self, places: list[int]) -> tuple[list[int], bool]:
        """Drop each premise without which the others still contradict; whether all is decided."""
        decided = True
        for place in list(places):
            fewer = [other for other in places if other != place]
            possible = self._possible(fewer)
            if possible is False:
                places = fewer
            decided = decided and possible is not None
        return places, decided

    def is_only(self, places: Sequence[int]) -> bool | None:
        """Whether each other minimal set, too, has each of `places`."""
        answers: list[bool | None] = []
        for place in places:
            others = [other for other in range(len(self._premises)) if other != place]
            answers.append(self._possible(others))
            if answers[-1] is False:
                return False
        return None if None in answers else True

    def _possible(self, places: Sequence[int]) -> bool | None:
        """Whether some premises and the fixed formulas can all be true; None on timeout."""
        left = self._end - time.monotonic()
        if left <= 0:
            return None
        quick = _ask(self._loaded, places, min(left, QUICK_SECONDS))
        if quick is not None:
            return quick
        formulas = [*(self._premises[place] for place in places), *self._fixed]
        return decide([formulas], min(left, SECONDS_PER_PREMISE))[0]

    def _load(self, parameters: Mapping[str, Any]) -> _Loaded:
        import z3  # here, so that only a call imports it

        solver = z3.Solver(ctx=z3.Context())
        solver.set("smt.qi.max_instances", MOST_INSTANCES)
        for name, value in parameters.items():
            solver.set(name, value)
        solver.from_string(self._text)
        return _Loaded(solver, [z3.Bool(mark, solver.ctx) for mark in self._marks])


class _Loaded(NamedTuple):
    solver: z3.Solver
    marks: list[z3.BoolRef]


def _ask(loaded: _Loaded, places: Sequence[int], seconds: float) -> bool | None:
    import z3

    loaded.solver.set("timeout", max(1, int(1000 * seconds)))
    try:
        answer = loaded.solver.check(*(loaded.marks[place] for place in places))
    except z3.Z3Exception:  # out of memory
        return None
    return {"sat": True, "unsat": False}.get(repr(answer))

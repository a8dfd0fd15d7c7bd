"""Run Z3 within a budget: find a solution, count solutions, find a contradiction, optimize.

Each query has a budget of Z3 steps (the same on every machine) and, as a fallback, of seconds; a
query that exceeds it is undecided.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

from toolsets.shipped.constraints.linear import continuous
from toolsets.shipped.constraints.model import Model

Answer = Literal["sat", "unsat", "unknown"]
Count = Literal["sat", "unsat", "unknown", "infinite"]
SECONDS = 3.5  # for one call, below the executor's timeout of 5 s
RESERVE = 0.3  # of them for Z3 to notice its timeout and for writing the answer
SECONDS_PER_QUERY = 2.0
STEPS = 6_000_000  # Z3's resource limit of one query, 0.2 to 1.5 s on one core of 2026
SHORTENING_STEPS = 500_000  # of one query that shortens a contradiction


@dataclass(frozen=True, slots=True)
class Statement:
    """A formula and its text in answers."""

    text: str
    formula: Any


@dataclass(frozen=True, slots=True)
class Bound:
    """The bound of an objective; `attained` is False if it is only approached."""

    value: Any
    unbounded: bool
    attained: bool


class Queries:
    """Statements about one model, and Z3 queries about them."""

    def __init__(
        self, model: Model, statements: list[Statement], started: float | None = None
    ) -> None:
        self.model, self.statements = model, statements
        begin = time.monotonic() if started is None else started
        self._deadline = begin + SECONDS - RESERVE

    def solve(self, *more: Any) -> tuple[Answer, dict[str, Any]]:
        """Decide whether all statements and `more` can hold; if so, with a value per variable."""
        solver = self._solver()
        solver.add(*(statement.formula for statement in self.statements), *more)
        answer = self._check(solver)
        if answer != "sat":
            return answer, {}
        model = solver.model()
        terms = self.model.variables.items()
        return "sat", {name: model.eval(t.z3, model_completion=True) for name, t in terms}

    def differs(self, values: dict[str, Any]) -> Any:
        """The formula that at least one variable has a value other than in `values`."""
        import z3

        terms = self.model.variables
        return z3.Or(*(terms[name].z3 != value for name, value in values.items()))

    def count(self, most: int, comparisons: list[Any] | None = None) -> tuple[Count, int]:
        """Count solutions up to `most`: exact for unsat, a lower bound for sat or unknown.

        `comparisons` are all comparisons of linear statements: then solutions that fill an
        interval of a real variable are "infinite".
        """
        import z3

        solver, count = self._solver(), 0
        solver.add(*(statement.formula for statement in self.statements))
        while count <= most:
            if (answer := self._check(solver)) != "sat":
                return answer, count
            count += 1
            model = solver.model()
            if comparisons is not None and self._fills_interval(model, comparisons):
                return "infinite", count
            terms = [term.z3 for term in self.model.variables.values()]
            solver.add(z3.Or(*(z != model.eval(z, model_completion=True) for z in terms)))
        return "sat", count

    def is_unbounded(self, names: list[str]) -> bool:
        """Whether one of these variables of linear statements has no largest or smallest value."""
        for name in names:
            for largest in (True, False):
                _, bound = self.best(self.model.variables[name].z3, largest)
                if bound is not None and bound.unbounded:
                    return True
        return False

    def _fills_interval(self, model: Any, comparisons: list[Any]) -> bool:
        """Whether a second solution differs from this one in real variables only.

        With the same truth value of every comparison, all values between are solutions too.
        """
        import z3

        real = set(continuous(self.model.domains))
        solver = self._solver()
        solver.add(*(statement.formula for statement in self.statements))
        solver.add(*(c == model.eval(c, model_completion=True) for c in comparisons))
        differs = []
        for name, term in self.model.variables.items():
            same = term.z3 == model.eval(term.z3, model_completion=True)
            differs.append(z3.Not(same)) if name in real else solver.add(same)
        solver.add(z3.Or(*differs))
        return bool(differs) and self._check(solver) == "sat"

    def contradiction(self) -> list[Statement]:
        """Contradicting statements, with needless ones dropped as far as the budget allows."""
        core = self._core(self.statements)
        for statement in list(core):
            fewer = [other for other in core if other is not statement]
            if self._out_of_time():
                break
            if self._contradict(fewer):
                core = fewer
        return core

    def best(self, objective: Any, largest: bool) -> tuple[Answer, Bound | None]:
        """Z3's bound of the objective; the caller confirms it by a query for a better value."""
        import z3

        optimizer = z3.Optimize(ctx=self.model.context)
        optimizer.set("rlimit", STEPS)
        optimizer.add(*(statement.formula for statement in self.statements))
        handle = optimizer.maximize(objective) if largest else optimizer.minimize(objective)
        answer = self._check(optimizer)
        if answer != "sat":
            return answer, None
        infinite, value, epsilon = handle.upper_values() if largest else handle.lower_values()
        return "sat", Bound(value, str(infinite) != "0", str(epsilon) == "0")

    def _core(self, statements: list[Statement]) -> list[Statement]:
        import z3

        solver = self._solver()
        marks = [z3.Bool(f"statement {k}", self.model.context) for k in range(len(statements))]
        for mark, statement in zip(marks, statements, strict=True):
            solver.add(z3.Implies(mark, statement.formula))
        if self._check(solver, *marks) != "unsat":
            return statements
        core = {str(mark) for mark in solver.unsat_core()}
        return [s for mark, s in zip(marks, statements, strict=True) if str(mark) in core]

    def _contradict(self, statements: list[Statement]) -> bool:
        solver = self._solver()
        solver.set("rlimit", SHORTENING_STEPS)
        solver.add(*(statement.formula for statement in statements))
        return self._check(solver) == "unsat"

    def _solver(self) -> Any:
        import z3

        solver = z3.Solver(ctx=self.model.context)
        solver.set("rlimit", STEPS)
        return solver

    def _check(self, solver: Any, *assumptions: Any) -> Answer:
        """Run one query in the time that is left; Z3 is interrupted if it ignores its timeout."""
        left = min(self._deadline - time.monotonic(), SECONDS_PER_QUERY)
        if left <= 0:
            return "unknown"
        solver.set("timeout", max(1, int(1000 * left)))
        stop = threading.Timer(left + RESERVE / 3, self.model.context.interrupt)
        stop.start()
        try:
            answer = str(solver.check(*assumptions))
        except Exception as error:  # z3.Z3Exception, raised where an interrupt arrives late
            if type(error).__name__ != "Z3Exception":
                raise
            answer = "unknown"
        finally:
            stop.cancel()
            stop.join()
        return "sat" if answer == "sat" else "unsat" if answer == "unsat" else "unknown"

    def _out_of_time(self) -> bool:
        return time.monotonic() > self._deadline

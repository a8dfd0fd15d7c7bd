"""Asking Z3: a solution, another one, what contradicts what, the best one. Bounded in time.

Every question has a budget of steps of Z3 (the same on every machine) and, behind it, of seconds; a
question beyond it is undecided. Not here: what constraints mean
(`toolsets.shipped.constraints.model`), how answers are written
(`toolsets.shipped.constraints.answers`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from toolsets.shipped.constraints.model import Model

Answer = Literal["sat", "unsat", "unknown"]
SECONDS = 3.5  # for all questions of one call, so that it ends before the executor's 5 s
SECONDS_OF_ONE = 2.0
STEPS = 6_000_000  # Z3's resource limit of one question, 0.2 to 1.5 s on one core of 2026
SHORTENING_STEPS = 500_000


@dataclass(frozen=True, slots=True)
class Statement:
    """A formula and how it is called in an answer."""

    text: str
    formula: Any


@dataclass(frozen=True, slots=True)
class Bound:
    """The end of what an objective can come to."""

    value: Any
    unbounded: bool
    reached: bool


class Questions:
    """Statements about one model, and questions to the solver about them."""

    def __init__(self, model: Model, statements: list[Statement]) -> None:
        self.model, self.statements = model, statements
        self._deadline = time.monotonic() + SECONDS

    def solve(self, *more: Any) -> tuple[Answer, dict[str, Any]]:
        """Whether all statements and `more` can hold; if so, a value for each variable."""
        solver = self._solver()
        solver.add(*(statement.formula for statement in self.statements), *more)
        answer = str(solver.check())
        if answer != "sat":
            return ("unsat" if answer == "unsat" else "unknown"), {}
        model = solver.model()
        terms = self.model.variables.items()
        return "sat", {name: model.eval(t.z3, model_completion=True) for name, t in terms}

    def differs(self, values: dict[str, Any]) -> Any:
        """A formula that says that some variable has another value."""
        import z3

        terms = self.model.variables
        return z3.Or(*(terms[name].z3 != value for name, value in values.items()))

    def count(self, most: int) -> tuple[Answer, int]:
        """How many solutions there are: exactly where unsat, more where sat or unknown."""
        import z3

        solver, found = self._solver(), 0
        solver.add(*(statement.formula for statement in self.statements))
        while found <= most and not self._out_of_time():
            if (answer := str(solver.check())) != "sat":
                return ("unsat" if answer == "unsat" else "unknown"), found
            found += 1
            model = solver.model()
            terms = [term.z3 for term in self.model.variables.values()]
            solver.add(z3.Or(*(z != model.eval(z, model_completion=True) for z in terms)))
        return ("sat" if found > most else "unknown"), found

    def contradiction(self) -> list[Statement]:
        """Statements that cannot all hold, none of them needless as far as the budget shows."""
        core = self._core(self.statements)
        for statement in list(core):
            fewer = [other for other in core if other is not statement]
            if self._out_of_time():
                break
            if self._contradict(fewer):
                core = fewer
        return core

    def best(self, objective: Any, largest: bool) -> tuple[Answer, Bound | None]:
        """What Z3 finds as the bound of the objective; to be confirmed by asking for a better."""
        import z3

        optimizer = z3.Optimize(ctx=self.model.context)
        optimizer.set("timeout", self._milliseconds())
        optimizer.set("rlimit", STEPS)
        optimizer.add(*(statement.formula for statement in self.statements))
        handle = optimizer.maximize(objective) if largest else optimizer.minimize(objective)
        answer = str(optimizer.check())
        if answer != "sat":
            return ("unsat" if answer == "unsat" else "unknown"), None
        infinite, value, epsilon = handle.upper_values() if largest else handle.lower_values()
        return "sat", Bound(value, str(infinite) != "0", str(epsilon) == "0")

    def _core(self, statements: list[Statement]) -> list[Statement]:
        import z3

        solver = self._solver()
        marks = [z3.Bool(f"statement {k}", self.model.context) for k in range(len(statements))]
        for mark, statement in zip(marks, statements, strict=True):
            solver.add(z3.Implies(mark, statement.formula))
        if str(solver.check(*marks)) != "unsat":
            return statements
        core = {str(mark) for mark in solver.unsat_core()}
        return [s for mark, s in zip(marks, statements, strict=True) if str(mark) in core]

    def _contradict(self, statements: list[Statement]) -> bool:
        solver = self._solver()
        solver.set("rlimit", SHORTENING_STEPS)
        solver.add(*(statement.formula for statement in statements))
        return str(solver.check()) == "unsat"

    def _solver(self) -> Any:
        import z3

        solver = z3.Solver(ctx=self.model.context)
        solver.set("timeout", self._milliseconds())
        solver.set("rlimit", STEPS)
        return solver

    def _milliseconds(self) -> int:
        left = max(0.05, self._deadline - time.monotonic())
        return int(1000 * min(left, SECONDS_OF_ONE))

    def _out_of_time(self) -> bool:
        return time.monotonic() > self._deadline

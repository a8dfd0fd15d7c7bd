"""Judge the options of one question: which of them must, could or cannot be true.

Each option gets two queries: whether it can be true together with the constraints, and whether it
can be false. Not here: one claim (`tools`), parsing (`options`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.shipped.constraints.answers import UNDECIDED, write_contradiction
from toolsets.shipped.constraints.model import Model
from toolsets.shipped.constraints.options import AskedMode, Mode, Option, Options
from toolsets.shipped.constraints.solver import Queries, Statement
from toolsets.shipped.constraints.tools import Constraints, Variables
from toolsets.tools.decorator import tool

SECONDS = 3.0  # after that no further option is judged; below the executor's timeout of 5 s


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an option can be true and whether it can be false; None if undecided."""

    label: str
    true: bool | None
    false: bool | None

    def fits(self, mode: Mode) -> bool | None:
        """Whether the option is one that the mode asks for."""
        possible = self.true if mode.value == "true" else self.false
        return None if possible is None else possible == mode.possible

    def __str__(self) -> str:
        match self.true, self.false:
            case True, False:
                verdict = "must be true"
            case False, True:
                verdict = "cannot be true"
            case True, True:
                verdict = "could be true or false"
            case True, None:
                verdict = "could be true; whether it must be is undecided"
            case None, True:
                verdict = "could be false; whether it can be true is undecided"
            case _:
                verdict = "undecided"
        return f"{self.label}: {verdict}"


@tool
def judge_options(
    variables: Variables, constraints: Constraints, options: Options, mode: AskedMode
) -> str:
    """Say which options must, could or cannot be true; "except" asks which do not.

    Example:
        judge_options(variables={"x": "1..3"}, constraints=[], options=["x<3", "x<4"], mode="must be true")
    """  # noqa: E501
    end = time.monotonic() + SECONDS
    model = Model(variables)
    queries = Queries(model, [Statement(text, model.truth(tree)) for text, tree in constraints])
    _move_conditions(queries)
    answer, _ = queries.solve()
    if answer != "sat":
        return write_contradiction(queries.contradiction()) if answer == "unsat" else UNDECIDED
    claims = [_claim(queries, option) for option in options]
    verdicts = [
        _judge(queries, option.label, claim, end)
        for option, claim in zip(options, claims, strict=True)
    ]
    return "\n".join([_conclusion(verdicts, mode), *map(str, verdicts)])


def _judge(queries: Queries, label: str, claim: Any, end: float) -> Verdict:
    """Decide an option; undecided without a query if the time is over."""
    import z3

    if time.monotonic() > end:
        return Verdict(label, None, None)
    true = _possible(queries.solve(claim)[0])
    if true is False:  # the constraints have a solution, in which it is false
        return Verdict(label, False, True)
    false = _possible(queries.solve(z3.Not(claim))[0])
    return Verdict(label, True if false is False else true, false)


def _claim(queries: Queries, option: Option) -> Any:
    """The option as a Z3 formula; raises ValueError if it is not defined everywhere."""
    import z3

    model = queries.model
    try:
        claim = z3.And(*(model.truth(tree) for _, tree in option.constraints))
    except LimitExceeded:
        raise
    except ValueError as error:
        raise ValueError(f"option {option.label}: {error}") from None
    for text, condition in model.conditions:
        if queries.solve(z3.Not(condition))[0] != "unsat":
            raise ValueError(f"option {option.label} needs that {text}; add it as a constraint")
    model.conditions.clear()
    return claim


def _move_conditions(queries: Queries) -> None:
    """Add the domains and the conditions of the constraints to the statements."""
    conditions = queries.model.conditions
    queries.statements += [Statement(text, formula) for text, formula in conditions]
    conditions.clear()


def _possible(answer: str) -> bool | None:
    return {"sat": True, "unsat": False}.get(answer)


def _conclusion(verdicts: Sequence[Verdict], mode: Mode) -> str:
    """The first line: the one option that fits, or how many do."""
    undecided = [verdict.label for verdict in verdicts if verdict.fits(mode) is None]
    if undecided:
        return f"Undecided: the solver gave up on {', '.join(undecided)}"
    fitting = [verdict.label for verdict in verdicts if verdict.fits(mode)]
    if not fitting:
        return f"None of the {len(verdicts)} options {mode}"
    if len(fitting) == 1:
        return f"{fitting[0]} is the only option that {mode}"
    return f"{len(fitting)} options {mode}: {', '.join(fitting)}"

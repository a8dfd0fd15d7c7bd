"""The functions of the toolset `constraints`.

The model declares, the solver searches (after Ye et al., SatLM, arXiv 2305.09656). A question that
the constraints answer with "impossible" is answered by naming the ones that contradict each other.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Tree
from toolsets.shipped.constraints.answers import (
    UNDECIDED,
    write_contradiction,
    write_quantity,
    write_values,
)
from toolsets.shipped.constraints.domains import Domain, read_domains
from toolsets.shipped.constraints.language import read_constraints, read_formula
from toolsets.shipped.constraints.model import Model
from toolsets.shipped.constraints.solver import Questions, Statement
from toolsets.tools.decorator import tool

MOST_SOLUTIONS = 1_000

_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
Variables = Annotated[
    dict[str, Domain],
    PlainValidator(read_domains),
    WithJsonSchema({"type": "object", "additionalProperties": {"anyOf": [_TEXT, _TEXTS]}}),
]
Constraints = Annotated[
    list[tuple[str, Tree]], PlainValidator(read_constraints), WithJsonSchema(_TEXTS)
]
Formula = Annotated[tuple[str, Tree], PlainValidator(read_formula), WithJsonSchema(_TEXT)]


@tool
def find_values(variables: Variables, constraints: Constraints) -> str:
    """Find values for variables ("int 0..9", "real", "bool" or a list) under constraints.

    Example:
        find_values(variables={"x, y": "int 0..10"}, constraints=["x + y = 10", "x - y = 4"])
    """
    questions = _ask(variables, constraints)
    answer, values = questions.solve()
    if answer != "sat":
        return _not_found(questions, answer)
    found = write_values(questions.model, values)
    answer, others = questions.solve(questions.differs(values))
    if answer == "unsat":
        return f"{found} (the only solution)"
    if answer == "unknown":
        return f"{found} (whether it is the only solution is undecided)"
    different = {name for name in values if not values[name].eq(others[name])}
    another = write_values(questions.model, others, different)
    return f"{found} (not the only solution: another has {another})"


@tool
def maximize(objective: Formula, variables: Variables, constraints: Constraints) -> str:
    """Find the largest value that a quantity can have under constraints.

    Example:
        maximize(objective="3*x + 2*y", variables={"x, y": "int 0..9"}, constraints=["x + y <= 10"])
    """
    return _optimize(objective, variables, constraints, largest=True)


@tool
def minimize(objective: Formula, variables: Variables, constraints: Constraints) -> str:
    """Find the smallest value that a quantity can have under constraints.

    Example:
        minimize(objective="x + y", variables={"x, y": "int 0..9"}, constraints=["x * y = 12"])
    """
    return _optimize(objective, variables, constraints, largest=False)


@tool
def must_hold(variables: Variables, constraints: Constraints, claim: Formula) -> str:
    """Say whether a claim follows from constraints: True, or False with a counterexample.

    Example:
        must_hold(variables={"x": "int"}, constraints=["x > 3"], claim="x * x > 9")
    """
    import z3

    questions = _ask(variables, constraints)
    wanted = questions.model.truth(claim[1])
    _add_conditions(questions)
    answer, values = questions.solve(z3.Not(wanted))
    if answer == "sat":
        return f"False, for example {write_values(questions.model, values)}"
    if answer == "unknown":
        return UNDECIDED
    answer, _ = questions.solve()
    return _not_found(questions, answer) if answer == "unsat" else "True"


@tool
def can_hold(variables: Variables, constraints: Constraints, claim: Formula) -> str:
    """Say whether a claim is possible under constraints: True with an example, or False.

    Example:
        can_hold(variables={"x": "int 1..6"}, constraints=["x > 3"], claim="x = 5")
    """
    questions = _ask(variables, constraints)
    wanted = questions.model.truth(claim[1])
    _add_conditions(questions)
    answer, values = questions.solve(wanted)
    if answer == "sat":
        return f"True, for example {write_values(questions.model, values)}"
    if answer == "unknown":
        return UNDECIDED
    answer, _ = questions.solve()
    return _not_found(questions, answer) if answer == "unsat" else "False"


@tool
def count_solutions(variables: Variables, constraints: Constraints) -> str:
    """Count the ways to choose values for variables that fulfil all constraints.

    Example:
        count_solutions(variables={"x, y": "int 1..6"}, constraints=["x + y = 7"])
    """
    answer, found = _ask(variables, constraints).count(MOST_SOLUTIONS)
    if answer == "sat":
        raise LimitExceeded(f"there are more than {MOST_SOLUTIONS:,} solutions")
    return str(found) if answer == "unsat" else f"Undecided: at least {found}"


def _ask(variables: dict[str, Domain], constraints: list[tuple[str, Tree]]) -> Questions:
    model = Model(variables)
    statements = [Statement(text, model.truth(tree)) for text, tree in constraints]
    questions = Questions(model, statements)
    _add_conditions(questions)
    return questions


def _add_conditions(questions: Questions) -> None:
    """Add the domains, and what the constraints read so far need to make sense."""
    conditions = questions.model.conditions
    questions.statements += [Statement(text, formula) for text, formula in conditions]
    conditions.clear()


def _not_found(questions: Questions, answer: str) -> str:
    return write_contradiction(questions.contradiction()) if answer == "unsat" else UNDECIDED


def _optimize(
    objective: tuple[str, Tree],
    variables: dict[str, Domain],
    constraints: list[tuple[str, Tree]],
    largest: bool,
) -> str:
    questions = _ask(variables, constraints)
    quantity = questions.model.quantity(objective[1])
    _add_conditions(questions)
    answer, bound = questions.best(quantity, largest)
    if bound is None:
        return _not_found(questions, answer)
    kind = "largest" if largest else "smallest"
    if bound.unbounded:
        return f"no {kind} value: there is no bound"
    if not bound.reached:
        return (
            f"no {kind} value: it comes close to {write_quantity(bound.value)} and never reaches it"
        )
    answer, values = questions.solve(quantity == bound.value)
    better = quantity > bound.value if largest else quantity < bound.value
    if answer != "sat" or questions.solve(better)[0] != "unsat":
        return UNDECIDED
    return f"{write_quantity(bound.value)}, with {write_values(questions.model, values)}"

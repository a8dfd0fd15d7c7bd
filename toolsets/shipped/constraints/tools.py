"""The functions of the toolset `constraints`.

The model declares, the solver searches (after Ye et al., SatLM, arXiv 2305.09656). If the
constraints have no solution, the answer lists the ones that contradict each other.
"""

from __future__ import annotations

import time
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
from toolsets.shipped.constraints.language import read_constraints, read_formula, within
from toolsets.shipped.constraints.linear import comparisons, continuous, unbounded
from toolsets.shipped.constraints.model import Model
from toolsets.shipped.constraints.solver import Queries, Statement
from toolsets.tools.decorator import tool

MOST_SOLUTIONS = 1_000
INFINITE = "infinitely many"
UNCOUNTED = "Undecided: there are more solutions than the solver could count"

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
    queries = _queries(variables, constraints)
    answer, values = queries.solve()
    if answer != "sat":
        return _no_solution(queries, answer)
    solution = write_values(queries.model, values)
    answer, others = queries.solve(queries.differs(values))
    if answer == "unsat":
        return f"{solution} (the only solution)"
    if answer == "unknown":
        return f"{solution} (whether it is the only solution is undecided)"
    different = {name for name in values if not values[name].eq(others[name])}
    another = write_values(queries.model, others, different)
    return f"{solution} (not the only solution: another has {another})"


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

    queries = _queries(variables, constraints)
    claimed = queries.model.truth(claim[1])
    _add_conditions(queries)
    answer, values = queries.solve(z3.Not(claimed))
    if answer == "sat":
        return f"False, for example {write_values(queries.model, values)}"
    if answer == "unknown":
        return UNDECIDED
    answer, _ = queries.solve()
    return _no_solution(queries, answer) if answer == "unsat" else "True"


@tool
def can_hold(variables: Variables, constraints: Constraints, claim: Formula) -> str:
    """Say whether a claim is possible under constraints: True with an example, or False.

    Example:
        can_hold(variables={"x": "int 1..6"}, constraints=["x > 3"], claim="x = 5")
    """
    queries = _queries(variables, constraints)
    claimed = queries.model.truth(claim[1])
    _add_conditions(queries)
    answer, values = queries.solve(claimed)
    if answer == "sat":
        return f"True, for example {write_values(queries.model, values)}"
    if answer == "unknown":
        return UNDECIDED
    answer, _ = queries.solve()
    return _no_solution(queries, answer) if answer == "unsat" else "False"


@tool
def count_solutions(variables: Variables, constraints: Constraints) -> str:
    """Count the ways to choose values for variables that fulfil all constraints.

    Example:
        count_solutions(variables={"x, y": "int 1..6"}, constraints=["x + y = 7"])
    """
    queries = _queries(variables, constraints)
    found = comparisons((tree for _, tree in constraints), variables)
    if found is not None and queries.is_unbounded(unbounded(variables)):
        return INFINITE
    is_exact = found is not None and continuous(variables)
    formulas = [queries.model.truth(tree) for tree in found or ()] if is_exact else None
    answer, count = queries.count(MOST_SOLUTIONS, formulas)
    if answer == "sat":
        raise LimitExceeded(f"there are more than {MOST_SOLUTIONS:,} solutions")
    if answer == "infinite":
        return INFINITE
    return str(count) if answer == "unsat" else UNCOUNTED


def _queries(variables: dict[str, Domain], constraints: list[tuple[str, Tree]]) -> Queries:
    started = time.monotonic()
    model = Model(variables)
    statements = [
        Statement(text, _truth(model, text, tree, number))
        for number, (text, tree) in enumerate(constraints, 1)
    ]
    queries = Queries(model, statements, started)
    _add_conditions(queries)
    return queries


def _truth(model: Model, text: str, tree: Tree, number: int) -> Any:
    """The Z3 formula of a constraint; an error names the constraint."""
    try:
        return model.truth(tree)
    except LimitExceeded:
        raise
    except ValueError as error:
        raise ValueError(f"{within(text, number)}{error}") from None


def _add_conditions(queries: Queries) -> None:
    """Move the domains and the conditions of the constraints into the statements."""
    conditions = queries.model.conditions
    queries.statements += [Statement(text, formula) for text, formula in conditions]
    conditions.clear()


def _no_solution(queries: Queries, answer: str) -> str:
    return write_contradiction(queries.contradiction()) if answer == "unsat" else UNDECIDED


def _optimize(
    objective: tuple[str, Tree],
    variables: dict[str, Domain],
    constraints: list[tuple[str, Tree]],
    largest: bool,
) -> str:
    queries = _queries(variables, constraints)
    quantity = queries.model.quantity(objective[1])
    _add_conditions(queries)
    answer, bound = queries.best(quantity, largest)
    if bound is None:
        return _no_solution(queries, answer)
    kind = "largest" if largest else "smallest"
    if bound.unbounded:
        return f"no {kind} value: there is no bound"
    if not bound.attained:
        return (
            f"no {kind} value: it comes close to {write_quantity(bound.value)} and never reaches it"
        )
    answer, values = queries.solve(quantity == bound.value)
    better = quantity > bound.value if largest else quantity < bound.value
    if answer != "sat" or queries.solve(better)[0] != "unsat":
        return UNDECIDED
    return f"{write_quantity(bound.value)}, with {write_values(queries.model, values)}"

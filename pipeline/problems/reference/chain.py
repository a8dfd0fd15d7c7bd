"""Reference solutions as chains.

Not here: conversion of a reference to calls (`pipeline.problems.reference.calculations`,
`pipeline.problems.reference.formulas`).
"""

from __future__ import annotations

from pipeline.agent.examples import ReferenceCall, answer_step
from pipeline.agent.prompt import canonical
from pipeline.problems.reference.calculations import reference_calls
from pipeline.problems.reference.formulas import entailment_calls
from pipeline.records import Chain, Problem, Step
from toolsets import Toolset

REFERENCE = "reference"


def solution_calls(problem: Problem, toolset: Toolset) -> tuple[ReferenceCall, ...]:
    """The calls of a reference chain, without the gold answer; empty if it is unsuitable."""
    calls_of = entailment_calls if problem.task == "logic" else reference_calls
    return calls_of(problem, toolset)


def reference_chain(problem: Problem, toolset: Toolset) -> Chain | None:
    """The reference solution as a chain of model `reference`; None if it is unsuitable."""
    calls = solution_calls(problem, toolset)
    if not calls:
        return None
    steps = (*(Step(c.call.raw, c.call, c.result) for c in calls), answer_step(problem.answer))
    return Chain(
        chain_id=f"{problem.problem_id}/{REFERENCE}",
        problem_id=problem.problem_id,
        model=REFERENCE,
        sample_index=0,
        seed=0,
        messages=({"role": "user", "content": problem.question}, *canonical(steps)),
        steps=steps,
        stop_reason="answer",
        answer=problem.answer,
    )

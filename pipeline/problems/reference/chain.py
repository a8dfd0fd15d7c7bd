"""Worked solutions, as chains that make the reference's own calls and as examples in a prompt.

Not here: how a reference becomes calls (`pipeline.problems.reference.calculations`,
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
    """The calls of a reference chain, before the gold answer; empty where none is fit."""
    worked = entailment_calls if problem.task == "logic" else reference_calls
    return worked(problem, toolset)


def reference_chain(problem: Problem, toolset: Toolset) -> Chain | None:
    """The worked solution as a chain of model `reference`; None where none is fit to learn from."""
    calls = solution_calls(problem, toolset)
    if not calls:
        return None
    steps = (*(Step(w.call.raw, w.call, w.result) for w in calls), answer_step(problem.answer))
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

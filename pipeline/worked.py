"""Worked solutions as chains: what a chain looks like that makes the reference's own calls.

Not here: how a reference becomes calls (`pipeline.reference`).
"""

from __future__ import annotations

from typing import Any

from pipeline.prompt import canonical
from pipeline.records import Chain, Problem, Step
from pipeline.reference import reference_calls
from toolsets import ToolCall, Toolset, render_call

REFERENCE = "reference"


def reference_chain(problem: Problem, toolset: Toolset) -> Chain | None:
    """The worked solution as a chain of model `reference`; None where none is fit to learn from."""
    calls = reference_calls(problem, toolset)
    if not calls:
        return None
    steps = (*(Step(w.call.raw, w.call, w.result) for w in calls), _answer(problem.answer))
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


def _answer(gold: str) -> Step:
    arguments = {"value": _literal(gold)}
    written = render_call("answer", arguments)
    return Step(written, ToolCall("answer", arguments, written), None)


def _literal(gold: str) -> Any:
    """`gold` as a model would write it: a whole number where it is one."""
    digits = gold.replace(",", "")
    return int(digits) if digits.lstrip("-").isdecimal() else gold

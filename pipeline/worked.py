"""Worked solutions, as chains that make the reference's own calls and as examples in a prompt.

Not here: how a reference becomes calls (`pipeline.reference`, `pipeline.formulas`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.errors import CannotStart
from pipeline.formulas import worked_question
from pipeline.prompt import canonical
from pipeline.records import Chain, Problem, Step
from pipeline.reference import WorkedCall, reference_calls, worked_call
from toolsets import ToolCall, Toolset, render_call

REFERENCE = "reference"


def worked_calls(problem: Problem, toolset: Toolset) -> tuple[WorkedCall, ...]:
    """The calls of a reference chain, before the gold answer; empty where none is fit."""
    worked = worked_question if problem.task == "logic" else reference_calls
    return worked(problem, toolset)


def reference_chain(problem: Problem, toolset: Toolset) -> Chain | None:
    """The worked solution as a chain of model `reference`; None where none is fit to learn from."""
    calls = worked_calls(problem, toolset)
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


def solved_example(question: str, calls: Sequence[str], answer: str, toolset: Toolset) -> str:
    """A solved problem as the prompt shows it: the question, each call and its result, the answer.

    Raises CannotStart for a call that fails.
    """
    lines = [question.strip()]
    for text in calls:
        try:
            lines += [text, worked_call(toolset, text).result.content]
        except ValueError as error:
            raise CannotStart(f"agent.examples: the call {text} fails: {error}") from None
    return "\n".join([*lines, _answer(answer).reply])


def _answer(gold: str) -> Step:
    arguments = {"value": _literal(gold)}
    written = render_call("answer", arguments)
    return Step(written, ToolCall("answer", arguments, written), None)


def _literal(gold: str) -> Any:
    """`gold` as a model would write it: a whole number where it is one."""
    digits = gold.replace(",", "")
    return int(digits) if digits.lstrip("-").isdecimal() else gold

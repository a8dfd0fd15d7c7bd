"""Chains of one problem, for tests of strategies and filters; calls are really executed."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.agent.agent import with_agent_tools
from pipeline.agent.prompt import Inject
from pipeline.pairs.candidates import Candidates, Draft
from pipeline.records import Chain, PreferencePair, Step
from tests.pipeline.agent.scripted import ARITHMETIC
from toolsets import CallError, ToolResult

DIALECT = Inject(with_agent_tools(ARITHMETIC))
QUESTION = "What is 3 times 4, minus 2?"


def step(reply: str) -> Step:
    """The step of this reply, with the real result of its call."""
    try:
        (call,) = DIALECT.parse(reply)
    except CallError as error:
        failed = ToolResult(False, str(error), error.kind)
        return Step(reply, None, failed, completion_tokens=len(reply))
    result = None if call.name == "answer" else ARITHMETIC.execute(call)
    return Step(reply, call, result, completion_tokens=len(reply))


def chain(name: str, *replies: str, model: str = "student", sample: int = 0) -> Chain:
    """A chain of these replies; each character counts as a token."""
    steps = tuple(step(reply) for reply in replies)
    answered = bool(steps) and steps[-1].result is None
    return Chain(name, "p", model, sample, 0, (), steps, "answer" if answered else "max_steps")


CORRECT = chain("correct", "multiply(a=3, b=4)", "subtract(a=12, b=2)", "answer(10)")
CORRECT_2 = chain("correct 2", "multiply(a=4, b=3)", "subtract(a=12, b=2)", "answer(10)")
LATE = chain("late", "multiply(a=3, b=4)", "subtract(a=12, b=3)", "answer(9)")  # diverges at step 1
EARLY = chain("early", "add(a=3, b=4)", "answer(7)")  # diverges at step 0
STUCK = chain("stuck", "multiply(a=3, b=4)", "subtract(12", "subtract(12")  # until max_steps
EMPTY = chain("empty")  # no capacity for a single reply


def candidates(
    correct: Sequence[Chain] = (CORRECT,),
    incorrect: Sequence[Chain] = (LATE, EARLY),
    reference: Chain | None = None,
) -> Candidates:
    return Candidates("p", QUESTION, tuple(correct), tuple(incorrect), reference)


def ids(drafts: Sequence[Draft | PreferencePair]) -> list[tuple[str, str]]:
    return [
        (d.chosen.chain_id, d.rejected.chain_id)
        if isinstance(d, Draft)
        else (d.chosen_chain_id, d.rejected_chain_id)
        for d in drafts
    ]

"""Few-shot examples, and single calls of a reference solution with their results.

Not here: parsing of a problem's reference solution into calls (`pipeline.problems.reference`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import CannotStart
from pipeline.records import Step
from toolsets import ToolCall, ToolResult, Toolset, render_call


@dataclass(frozen=True, slots=True)
class ReferenceCall:
    """A call of a reference solution with its result; `call.raw` is a model's text of it."""

    call: ToolCall
    result: ToolResult


def run_reference_call(toolset: Toolset, text: str) -> ReferenceCall:
    """Parse and execute `text` in this process; raises ValueError if it is no call or fails."""
    call = toolset.parse(text)  # CallError is a ValueError
    result = toolset.execute(call)
    if not result.ok:
        raise ValueError(result.content)
    return ReferenceCall(call, result)


def few_shot_example(question: str, calls: Sequence[str], answer: str, toolset: Toolset) -> str:
    """The prompt text of a few-shot example: question, each call with its result, answer.

    Raises CannotStart if a call fails.
    """
    lines = [question.strip()]
    for text in calls:
        try:
            lines += [text, run_reference_call(toolset, text).result.content]
        except ValueError as error:
            raise CannotStart(f"agent.examples: the call {text} fails: {error}") from None
    return "\n".join([*lines, answer_step(answer).reply])


def answer_step(gold: str) -> Step:
    """The last step of a reference chain: the call `answer` with the gold answer."""
    arguments = {"value": _literal(gold)}
    written = render_call("answer", arguments)
    return Step(written, ToolCall("answer", arguments, written), None)


def _literal(gold: str) -> Any:
    """`gold` as an argument: an int if it is a whole number, else the text."""
    digits = gold.replace(",", "")
    return int(digits) if digits.lstrip("-").isdecimal() else gold

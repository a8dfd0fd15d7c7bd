"""Every sentence that a model reads before it calls a function, and how turns become messages.

A *dialect* renders a chain's steps as chat messages and reads a call back from a reply. `Inject` is
the paper's: the functions' descriptions and examples stand in the system prompt, one call per turn
is written as a Python call, its result comes in the next turn. The other is
`pipeline.agent.native`: the model's own template with `tools=`.

Not here: messages about bad calls (`toolsets`), tokens (`pipeline.agent.transcript`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.records import Message, Step
from toolsets import CallError, ToolCall, Toolset, render_call
from toolsets.calls.parse import is_plain

INSTRUCTIONS = """\
Solve the problem by calling functions, one call per reply. \
The result of each call comes in the next message. \
Give the final answer by calling answer.
Functions:
"""
NATIVE_INSTRUCTIONS = """\
Solve the problem by calling tools, one call per reply. \
The result of each call comes in the next message. \
Give the final answer by calling answer."""
WRITING_INSTRUCTIONS = """\
Write one new problem of the same kind as those you are shown, in the same form: the problem, \
then the calls that solve it, one per line, each with its result, then the final answer. \
Each number in a call stands in the problem or is the result of an earlier call. \
Tell another story with other numbers.
Functions:
"""
SOLVED = "Solved examples, the result of each call behind it:"
ONE_TOOL_CALL = "Reply with one tool call."


class Dialect(Protocol):
    """How messages are written for a model and calls are read from its replies."""

    @property
    def tools(self) -> tuple[dict[str, Any], ...] | None:
        """What the chat template gets as `tools`; None where the prompt describes the functions."""
        ...

    @property
    def grammar(self) -> str | None:
        """What replies are held to while they are decoded (EBNF); None where to nothing."""
        ...

    def prompt_messages(self, question: str) -> tuple[Message, ...]:
        """The messages before the model's first reply."""
        ...

    def parse(self, reply: str) -> ToolCall:
        """The call in a reply; raises CallError with a message for the model."""
        ...

    def reply(self, step: Step) -> Message:
        """The assistant message for a step, in this dialect."""
        ...

    def result(self, step: Step) -> Message:
        """The message that brings a step's result."""
        ...


@dataclass(frozen=True, slots=True)
class Inject:
    """Descriptions and examples in the system prompt, one Python call per turn (the paper's)."""

    toolset: Toolset
    tool_role: str = "user"
    examples: tuple[str, ...] = ()
    grammar: str | None = None

    @property
    def tools(self) -> None:
        return None

    def prompt_messages(self, question: str) -> tuple[Message, ...]:
        told = with_examples(INSTRUCTIONS + self.toolset.help, self.examples)
        system = {"role": "system", "content": told}
        return system, {"role": "user", "content": question}

    def parse(self, reply: str) -> ToolCall:
        return self.toolset.parse(reply)

    def reply(self, step: Step) -> Message:
        return {"role": "assistant", "content": self._text(step)}

    def result(self, step: Step) -> Message:
        assert step.result is not None
        return {"role": self.tool_role, "content": step.result.content}

    def _text(self, step: Step) -> str:
        """The reply as it was written, unless another dialect wrote the call, or it was mended: a
        student learns the plain form."""
        if step.call is None:
            return step.reply
        try:
            written = self.parse(step.reply) if is_plain(step.reply) else None
        except CallError:
            written = None
        call = step.call
        if written and (written.name, written.arguments) == (call.name, call.arguments):
            return step.reply.strip()
        return render_call(step.call.name, step.call.arguments)


class Writing(Inject):
    """Asks for a problem with its solution; what a chain's first reply holds is the problem."""

    def prompt_messages(self, question: str) -> tuple[Message, ...]:
        system = {"role": "system", "content": WRITING_INSTRUCTIONS + self.toolset.help}
        return system, {"role": "user", "content": question}


def with_examples(instructions: str, examples: Sequence[str]) -> str:
    """A system prompt that ends with solved examples, where there are any."""
    return "\n\n".join([instructions, SOLVED, *examples]) if examples else instructions


def render(dialect: Dialect, steps: Sequence[Step]) -> tuple[Message, ...]:
    """The messages of `steps`, after the opening, as a model of this dialect meets them."""
    messages: list[Message] = []
    for step in steps:
        messages.append(dialect.reply(step))
        if step.result is not None:
            messages.append(dialect.result(step))
    return tuple(messages)


def canonical(steps: Sequence[Step]) -> tuple[Message, ...]:
    """The messages of `steps` in OpenAI's form: `tool_calls` and `tool` results."""
    messages: list[Message] = []
    for index, step in enumerate(steps):
        call_id = f"call_{index}"
        if step.call is None:
            messages.append({"role": "assistant", "content": step.reply})
            role = {"role": "user"}
        else:
            function = {"name": step.call.name, "arguments": json.dumps(step.call.arguments)}
            call = {"id": call_id, "type": "function", "function": function}
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            role = {"role": "tool", "tool_call_id": call_id}
        if step.result is not None:
            messages.append(role | {"content": step.result.content})
    return tuple(messages)

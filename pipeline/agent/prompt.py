"""The text of the prompts, and the dialects, which convert turns to messages.

A *dialect* renders a chain's steps as chat messages and parses the call in a reply. `Inject` is the
paper's: the system prompt holds the functions' descriptions and examples, each turn is one call in
Python syntax, and its result is the next message. The other dialect is `pipeline.agent.native`: the
model's own template with `tools=`.

Not here: messages about invalid calls (`toolsets`), tokens (`pipeline.agent.transcript`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.records import Message, Step
from toolsets import CallError, ToolCall, Toolset, parse_call, render_call
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
    """Renders messages for a model and parses the calls in its replies."""

    @property
    def tools(self) -> tuple[dict[str, Any], ...] | None:
        """The chat template's `tools`, or None if the prompt describes the functions."""
        ...

    @property
    def grammar(self) -> str | None:
        """EBNF grammar for constrained decoding, or None."""
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
        """The message that carries a step's result."""
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
        instructions = with_examples(INSTRUCTIONS + self.toolset.help, self.examples)
        system = {"role": "system", "content": instructions}
        return system, {"role": "user", "content": question}

    def parse(self, reply: str) -> ToolCall:
        return self.toolset.parse(reply)

    def reply(self, step: Step) -> Message:
        return {"role": "assistant", "content": self._text(step)}

    def result(self, step: Step) -> Message:
        assert step.result is not None
        return {"role": self.tool_role, "content": step.result.content}

    def _text(self, step: Step) -> str:
        """The reply as written, or its call in plain form if another dialect wrote it or the parser
        repaired it, so that a student learns the plain form."""
        if step.call is None:
            return step.reply
        call = step.call
        as_written = is_plain(step.reply, self.toolset.tool_names) and self._is_bound(step)
        return step.reply.strip() if as_written else render_call(call.name, call.arguments)

    def _is_bound(self, step: Step) -> bool:
        """Whether the reply's own call is the step's, and no argument's form was changed."""
        assert step.call is not None
        try:
            written = parse_call(step.reply, self.toolset.tool_names)
            parsed = self.parse(step.reply)
        except CallError:
            return False
        values = [*written.positional, *written.keywords.values()]
        unchanged = values == list(parsed.arguments.values())
        named = written.keywords.keys() <= parsed.arguments.keys()
        same = (parsed.name, parsed.arguments) == (step.call.name, step.call.arguments)
        return same and unchanged and named


class Writing(Inject):
    """Asks the model to write a problem with its solution as the first reply."""

    def prompt_messages(self, question: str) -> tuple[Message, ...]:
        system = {"role": "system", "content": WRITING_INSTRUCTIONS + self.toolset.help}
        return system, {"role": "user", "content": question}


def with_examples(instructions: str, examples: Sequence[str]) -> str:
    """A system prompt followed by the few-shot examples, if any."""
    return "\n\n".join([instructions, SOLVED, *examples]) if examples else instructions


def render(dialect: Dialect, steps: Sequence[Step]) -> tuple[Message, ...]:
    """The messages of `steps`, without the prompt messages, in this dialect."""
    messages: list[Message] = []
    for step in steps:
        messages.append(dialect.reply(step))
        if step.result is not None:
            messages.append(dialect.result(step))
    return tuple(messages)


def canonical(steps: Sequence[Step]) -> tuple[Message, ...]:
    """The messages of `steps` in OpenAI's format: `tool_calls` and `tool` results."""
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

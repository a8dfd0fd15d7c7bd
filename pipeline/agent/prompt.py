"""The text of the prompts, and the dialects, which convert turns to messages.

A *dialect* renders a chain's steps as chat messages and parses the calls in a reply. `Inject` is
the paper's: the system prompt holds the functions' descriptions and examples, each turn is one call
in Python syntax, and its result is the next message. The other dialect is `pipeline.agent.native`:
the model's own template with `tools=`.

With `agent.calls_per_reply=several` a turn may be several calls, one per line here, and their
results are the next message, one `Result 1: ...` per call in the order of the calls.

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
SEVERAL_INSTRUCTIONS = """\
Solve the problem by calling functions. \
A reply holds one call, or several, one per line, that do not need each other's results. \
The results come in the next message, in the same order. \
Give the final answer by calling answer, alone in its reply.
Functions:
"""
NATIVE_INSTRUCTIONS = """\
Solve the problem by calling tools, one call per reply. \
The result of each call comes in the next message. \
Give the final answer by calling answer."""
NATIVE_SEVERAL_INSTRUCTIONS = """\
Solve the problem by calling tools. \
A reply holds one call, or several that do not need each other's results. \
The results come in the next messages, in the same order. \
Give the final answer by calling answer, alone in its reply."""
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
    def toolset(self) -> Toolset:
        """The functions that a model may call, the agent's own included."""
        ...

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

    def parse(self, reply: str) -> tuple[ToolCall, ...]:
        """The calls in a reply, at least one; raises CallError with a message for the model."""
        ...

    def reply(self, step: Step) -> Message:
        """The assistant message for a step, in this dialect."""
        ...

    def results(self, step: Step) -> tuple[Message, ...]:
        """The messages that carry a step's results."""
        ...


@dataclass(frozen=True, slots=True)
class Inject:
    """Descriptions and examples in the system prompt, one Python call per turn (the paper's), or
    `several`."""

    toolset: Toolset
    tool_role: str = "user"
    examples: tuple[str, ...] = ()
    grammar: str | None = None
    several: bool = False

    @property
    def tools(self) -> None:
        return None

    def prompt_messages(self, question: str) -> tuple[Message, ...]:
        instructions = SEVERAL_INSTRUCTIONS if self.several else INSTRUCTIONS
        instructions = with_examples(instructions + self.toolset.help, self.examples)
        system = {"role": "system", "content": instructions}
        return system, {"role": "user", "content": question}

    def parse(self, reply: str) -> tuple[ToolCall, ...]:
        if not self.several:
            return (self.toolset.parse(reply),)
        return self.toolset.parse_several(reply)

    def reply(self, step: Step) -> Message:
        return {"role": "assistant", "content": self._text(step)}

    def results(self, step: Step) -> tuple[Message, ...]:
        assert step.result is not None
        return ({"role": self.tool_role, "content": step.result.content},)

    def _text(self, step: Step) -> str:
        """The reply as written, or its calls in plain form if another dialect wrote it, the parser
        repaired it, or it holds several, so that a student learns the plain form."""
        if step.call is None:
            return step.reply
        if step.parallel:
            return "\n".join(render_call(c.call.name, c.call.arguments) for c in step.parallel)
        call = step.call
        as_written = is_plain(step.reply, self.toolset.tool_names) and self._is_bound(step)
        return step.reply.strip() if as_written else render_call(call.name, call.arguments)

    def _is_bound(self, step: Step) -> bool:
        """Whether the reply's own call is the step's, and no argument's form was changed."""
        assert step.call is not None
        try:
            written = parse_call(step.reply, self.toolset.tool_names)
            parsed = self.toolset.parse(step.reply)
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
            messages.extend(dialect.results(step))
    return tuple(messages)


def canonical(steps: Sequence[Step]) -> tuple[Message, ...]:
    """The messages of `steps` in OpenAI's format: `tool_calls` and `tool` results."""
    messages: list[Message] = []
    for index, step in enumerate(steps):
        if step.call is None:
            messages.append({"role": "assistant", "content": step.reply})
            if step.result is not None:
                messages.append({"role": "user", "content": step.result.content})
            continue
        calls = [each.call for each in step.executed] or [step.call]
        ids = [f"call_{index}" + f"_{i}" * bool(i) for i in range(len(calls))]
        tool_calls = [_tool_call(*pair) for pair in zip(ids, calls, strict=True)]
        messages.append({"role": "assistant", "content": None, "tool_calls": tool_calls})
        messages += [
            {"role": "tool", "tool_call_id": call_id, "content": each.result.content}
            for call_id, each in zip(ids, step.executed, strict=False)  # an answer has no result
        ]
    return tuple(messages)


def _tool_call(call_id: str, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": call_id, "type": "function", "function": function}

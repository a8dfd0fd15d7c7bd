"""The dialect `native`: the model's chat template with `tools=`, calls parsed by vLLM's parsers.

The parser is a parameter (`pipeline.engine.tool_parsers` makes it from a name and a tokenizer), so
this module does not import vLLM.

Not here: the dialect `inject` (`pipeline.agent.prompt`), tokens (`pipeline.agent.transcript`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.agent.prompt import (
    NATIVE_INSTRUCTIONS,
    NATIVE_SEVERAL_INSTRUCTIONS,
    ONE_TOOL_CALL,
    with_examples,
)
from pipeline.records import Message, Step
from toolsets import CallError, ToolCall, Toolset
from toolsets.calls.literal import FORM, checked, exact_float
from toolsets.tools.binding import validate

Reader = Callable[[str], tuple[str, Sequence[tuple[str, str]]]]
"""Parses a reply into its text outside calls, and its calls as pairs (name, JSON arguments)."""

MakeReader = Callable[[Sequence[dict[str, Any]]], Reader]
"""Makes a reader for the tools in the prompt."""


def call_id(index: int = 0) -> str:
    """The id of a reply's call of this index; each reply starts again at 0, as templates match a
    result to a call of the reply before it. Mistral's templates require nine letters and digits."""
    return f"call{index:05}"


@dataclass(frozen=True, slots=True)
class Native:
    """Tools rendered by the chat template, one call per turn in the model's own format, or
    `several`."""

    toolset: Toolset
    read: Reader
    examples: tuple[str, ...] = ()
    several: bool = False

    @property
    def tools(self) -> tuple[dict[str, Any], ...]:
        return tools_of(self.toolset)

    @property
    def grammar(self) -> None:
        return None

    def prompt_messages(self, question: str) -> tuple[Message, ...]:
        instructions = NATIVE_SEVERAL_INSTRUCTIONS if self.several else NATIVE_INSTRUCTIONS
        instructions = with_examples(instructions, self.examples)
        system = {"role": "system", "content": instructions}
        return system, {"role": "user", "content": question}

    def parse(self, reply: str) -> tuple[ToolCall, ...]:
        _, calls = self._read(reply)
        if not calls or (len(calls) > 1 and not self.several):
            count = f"{len(calls)} tool calls" if calls else "no tool call that can be read"
            raise _unparseable(f"The reply holds {count}.")
        return tuple(self._call(*call, reply) for call in calls)

    def reply(self, step: Step) -> Message:
        if step.call is None:
            return {"role": "assistant", "content": step.reply}
        calls = [each.call for each in step.executed] or [step.call]
        tool_calls = [_tool_call(index, call) for index, call in enumerate(calls)]
        content = self._text_outside_call(step)
        return {"role": "assistant", "content": content, "tool_calls": tool_calls}

    def results(self, step: Step) -> tuple[Message, ...]:
        assert step.result is not None
        if step.call is None:
            return ({"role": "user", "content": step.result.content},)
        return tuple(
            {"role": "tool", "tool_call_id": call_id(index), "name": each.call.name}
            | {"content": each.result.content}
            for index, each in enumerate(step.executed)
        )

    def _call(self, name: str, arguments_json: str, reply: str) -> ToolCall:
        arguments = _arguments(arguments_json)
        tool = self.toolset[name]
        validate(tool, arguments)
        return ToolCall(tool.name, arguments, reply)

    def _read(self, reply: str) -> tuple[str, Sequence[tuple[str, str]]]:
        try:
            return self.read(reply)
        except Exception as error:  # vLLM's parsers raise anything on malformed replies
            raise _unparseable("The tool call cannot be read.") from error

    def _text_outside_call(self, step: Step) -> str:
        """The reply's text outside its call; empty if another dialect wrote the reply."""
        try:
            content, calls = self._read(step.reply)
        except CallError:
            return ""
        return content.strip() if calls else ""


def tools_of(toolset: Toolset) -> tuple[dict[str, Any], ...]:
    """The toolset as the `tools` of a chat template."""
    return tuple(tool.schema() for tool in toolset.tools)


def _tool_call(index: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call_id(index), "type": "function", "function": function}


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = checked(json.loads(text or "{}", parse_float=exact_float))
    except CallError as error:
        raise _unparseable(str(error).removesuffix(FORM)) from None
    except (ValueError, RecursionError):
        raise _unparseable("The arguments are not JSON.") from None
    if not isinstance(arguments, dict):
        raise _unparseable("The arguments are not a JSON object.")
    return arguments


def _unparseable(reason: str) -> CallError:
    return CallError("unparseable_call", f"{reason} {ONE_TOOL_CALL}")

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

from pipeline.agent.prompt import NATIVE_INSTRUCTIONS, ONE_TOOL_CALL, with_examples
from pipeline.records import Message, Step
from toolsets import CallError, ToolCall, Toolset
from toolsets.calls.literal import FORM, checked, exact_float
from toolsets.tools.binding import validate

Reader = Callable[[str], tuple[str, Sequence[tuple[str, str]]]]
"""Parses a reply into its text outside calls, and its calls as pairs (name, JSON arguments)."""

MakeReader = Callable[[Sequence[dict[str, Any]]], Reader]
"""Makes a reader for the tools in the prompt."""

# One id for all calls, as chains have one call per turn: templates match a result to its call by
# id. Mistral's templates require nine letters and digits.
CALL_ID = "call00000"


@dataclass(frozen=True, slots=True)
class Native:
    """Tools rendered by the chat template, one call per turn in the model's own format."""

    toolset: Toolset
    read: Reader
    examples: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[dict[str, Any], ...]:
        return tools_of(self.toolset)

    @property
    def grammar(self) -> None:
        return None

    def prompt_messages(self, question: str) -> tuple[Message, ...]:
        instructions = with_examples(NATIVE_INSTRUCTIONS, self.examples)
        system = {"role": "system", "content": instructions}
        return system, {"role": "user", "content": question}

    def parse(self, reply: str) -> ToolCall:
        _, calls = self._read(reply)
        if len(calls) != 1:
            count = f"{len(calls)} tool calls" if calls else "no tool call that can be read"
            raise _unparseable(f"The reply holds {count}.")
        name, arguments_json = calls[0]
        arguments = _arguments(arguments_json)
        tool = self.toolset[name]
        validate(tool, arguments)
        return ToolCall(tool.name, arguments, reply)

    def reply(self, step: Step) -> Message:
        if step.call is None:
            return {"role": "assistant", "content": step.reply}
        function = {"name": step.call.name, "arguments": step.call.arguments}
        call = {"id": CALL_ID, "type": "function", "function": function}
        return {"role": "assistant", "content": self._text_outside_call(step), "tool_calls": [call]}

    def result(self, step: Step) -> Message:
        assert step.result is not None
        if step.call is None:
            return {"role": "user", "content": step.result.content}
        call = {"tool_call_id": CALL_ID, "name": step.call.name}
        return {"role": "tool", **call, "content": step.result.content}

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

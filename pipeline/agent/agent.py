"""The agent: a state machine from (chain so far, model reply) to (call | next prompt | stop).

Sans-I/O: no clock, no await, no print, no engine. Generation, evaluation and serving all run it
(`pipeline.agent.driver`), so a student sees the same turns in training and in production.

    agent = Agent(dialect, max_steps=8, max_failures=4)
    action = agent.read(reply)        Execute(call) | Ask(message) | Stop(reason)
    action = agent.observe(result)    after Execute: Ask(message) | Stop(reason)

`answer` and `think` are the agent's own functions, added to every toolset (`with_agent_tools`);
they need no executor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import toolsets
from pipeline.agent.examples import few_shot_example
from pipeline.agent.native import MakeReader, Native, tools_of
from pipeline.agent.prompt import Dialect, Inject
from pipeline.recipe.models import AgentSettings
from pipeline.records import Message, Step, StopReason
from pipeline.records import Reply as EngineReply
from toolsets import CallError, ToolCall, ToolResult, Toolset, tool
from toolsets.catalog.grammar import call_grammar
from toolsets.errors import ErrorKind


@tool
def answer(value: int | float | str | bool) -> str:
    """Give the final answer.

    Example:
        answer(value=12)
    """
    return str(value)


@tool
def think(thought: str) -> str:
    """Note a thought; nothing is computed.

    Example:
        think(thought="First find the price of one.")
    """
    return "Noted."


AGENT_TOOLS = (think.name, answer.name)


def with_agent_tools(toolset: Toolset, thinking: bool = True) -> Toolset:
    """`toolset` with `answer` and, if `thinking`, `think` after its own functions."""
    own = (think, answer) if thinking else (answer,)
    return Toolset(toolset.name, toolset.tools + own)


def dialect_of(
    toolset: str,
    settings: AgentSettings,
    native: MakeReader | None = None,
    structured: bool = False,
) -> Dialect:
    """The dialect of a recipe, with the agent's own functions; raises toolsets.ToolsetError, and
    CannotStart if a call of a few-shot example fails.

    `native` makes the parser of the model's own calls; None selects the dialect `inject`. Only
    `inject` can be `structured`: decoding is constrained to the grammar of its calls.
    """
    functions = with_agent_tools(toolsets.load(toolset), settings.think)
    examples = tuple(
        few_shot_example(example.question, example.calls, example.answer, functions)
        for example in settings.examples
    )
    if native is None:
        grammar = call_grammar(functions) if structured else None
        return Inject(functions, settings.tool_role, examples, grammar)
    return Native(functions, native(tools_of(functions)), examples)


@dataclass(frozen=True, slots=True)
class Execute:
    """Execute this call and pass its result to `Agent.observe`."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class Ask:
    """Append this message and ask the model for its next reply."""

    message: Message


@dataclass(frozen=True, slots=True)
class Stop:
    """The chain has ended."""

    reason: StopReason


class Agent:
    """One chain in progress: its `steps` so far and its `answer`.

    It stops after `max_steps` replies, or after `max_failures` failures of one kind in a row. The
    state of stateful functions is passed with the calls and not recorded in the steps.
    """

    def __init__(self, dialect: Dialect, max_steps: int, max_failures: int | None = None) -> None:
        self._dialect = dialect
        self._max_steps = max_steps
        self._max_failures = max_failures
        self._streak: tuple[ErrorKind | None, int] = None, 0  # error kind, times in a row
        self.steps: list[Step] = []
        self.answer: str | None = None
        self._state: dict[str, Any] | None = None

    def read(self, reply: EngineReply, prompt_tokens: int = 0) -> Execute | Ask | Stop:
        """Process the model's reply to a prompt of `prompt_tokens` tokens."""
        step = Step(reply.text, None, None, prompt_tokens, reply.tokens)
        try:
            call = self._dialect.parse(reply.text)
        except CallError as error:
            self.steps.append(step)
            return self.observe(ToolResult(False, str(error), error.kind))
        self.steps.append(replace(step, call=call))
        if call.name == answer.name:
            self.answer = answer(**call.arguments)
            return Stop("answer")
        if call.name == think.name:
            return self.observe(ToolResult(True, think(**call.arguments)))
        return Execute(replace(call, state=self._state))

    def observe(self, result: ToolResult) -> Ask | Stop:
        """Process the result of the last call."""
        if result.state is not None:
            self._state = result.state
        self.steps[-1] = replace(self.steps[-1], result=replace(result, state=None))
        kind, times = self._streak
        self._streak = result.error_kind, times + 1 if result.error_kind == kind else 1
        if not result.ok and self._streak[1] == self._max_failures:
            return Stop("max_failures")
        if len(self.steps) >= self._max_steps:
            return Stop("max_steps")
        return Ask(self._dialect.result(self.steps[-1]))

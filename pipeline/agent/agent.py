"""The agent: a state machine from (chain so far, model reply) to (calls | next prompt | stop).

Sans-I/O: no clock, no await, no print, no engine. Generation, evaluation and serving all run it
(`pipeline.agent.driver`), so a student sees the same turns in training and in production.

    agent = Agent(dialect, max_steps=8, max_failures=4)
    action = agent.read(reply)         Execute(calls) | Ask(messages) | Stop(reason)
    action = agent.observe(*results)   after Execute: Execute(calls) | Ask(messages) | Stop(reason)

With `agent.calls_per_reply=several` a reply may hold several calls. Those without state are
executed side by side; those of stateful functions one after another, as each gets the state that
the one before left. If one of the calls cannot be read, none is executed.

`answer` and `think` are the agent's own functions, added to every toolset (`with_agent_tools`);
they need no executor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import toolsets
from pipeline.agent.examples import few_shot_example
from pipeline.agent.native import MakeReader, Native, tools_of
from pipeline.agent.prompt import Dialect, Inject
from pipeline.recipe.models import AgentSettings
from pipeline.records import Executed, Message, Step, StopReason
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
MOST_CALLS = 16  # in one reply


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
    several = settings.calls_per_reply == "several"
    examples = tuple(
        few_shot_example(example.question, example.calls, example.answer, functions)
        for example in settings.examples
    )
    if native is None:
        most = MOST_CALLS if several else 1
        grammar = call_grammar(functions, most, alone=answer.name) if structured else None
        return Inject(functions, settings.tool_role, examples, grammar, several)
    return Native(functions, native(tools_of(functions)), examples, several)


@dataclass(frozen=True, slots=True)
class Execute:
    """Execute these calls side by side, and pass their results in order to `Agent.observe`."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Append these messages and ask the model for its next reply."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """The chain has ended."""

    reason: StopReason


class Agent:
    """One chain in progress: its `steps` so far and its `answer`.

    It stops after `max_steps` replies, or after `max_failures` failures of one kind in a row. The
    first `replayed` replies are recorded ones of another model and count for neither limit. The
    state of stateful functions is passed with the calls and not recorded in the steps.
    """

    def __init__(
        self,
        dialect: Dialect,
        max_steps: int,
        max_failures: int | None = None,
        replayed: int = 0,
    ) -> None:
        self._dialect = dialect
        self._replayed = replayed
        self._max_steps = max_steps
        self._max_failures = max_failures
        self._streak: tuple[ErrorKind | None, int] = None, 0  # error kind, times in a row
        self.steps: list[Step] = []
        self.answer: str | None = None
        self._state: dict[str, Any] | None = None
        self._waiting: list[ToolCall] = []  # calls of the last reply that have no result yet
        self._executed: list[Executed] = []

    def read(self, reply: EngineReply, prompt_tokens: int = 0) -> Execute | Ask | Stop:
        """Process the model's reply to a prompt of `prompt_tokens` tokens."""
        self.steps.append(Step(reply.text, None, None, prompt_tokens, reply.tokens))
        try:
            calls = _together(self._dialect.parse(reply.text))
        except CallError as error:
            return self._end_step(ToolResult(False, str(error), error.kind))
        self.steps[-1] = replace(self.steps[-1], call=calls[0])
        if calls[0].name == answer.name:
            self.answer = answer(**calls[0].arguments)
            return Stop("answer")
        self._waiting, self._executed = [*calls], []
        return self._next()

    def observe(self, *results: ToolResult) -> Execute | Ask | Stop:
        """Process the results of the calls of the last Execute, in their order."""
        for result in results:
            self._note(result)
        return self._next()

    def _next(self) -> Execute | Ask | Stop:
        """Execute the calls that can run now, or end the step if each call has its result."""
        while self._waiting and self._waiting[0].name == think.name:
            self._note(ToolResult(True, think(**self._waiting[0].arguments)))
        if self._waiting:
            return Execute(self._ready())
        if len(self._executed) == 1:
            return self._end_step(self._executed[0].result)
        return self._end_step(_combined(self._executed), tuple(self._executed))

    def _ready(self) -> tuple[ToolCall, ...]:
        """The first waiting calls that can run side by side, with the state so far."""
        ready = tuple(takewhile(self._is_independent, self._waiting)) or (self._waiting[0],)
        return tuple(replace(call, state=self._state) for call in ready)

    def _is_independent(self, call: ToolCall) -> bool:
        return call.name != think.name and not self._dialect.toolset[call.name].is_stateful

    def _note(self, result: ToolResult) -> None:
        if result.state is not None:
            self._state = result.state
        self._executed.append(Executed(self._waiting.pop(0), replace(result, state=None)))

    def _end_step(self, result: ToolResult, parallel: tuple[Executed, ...] = ()) -> Ask | Stop:
        self.steps[-1] = replace(self.steps[-1], result=result, parallel=parallel)
        if len(self.steps) <= self._replayed:
            return Ask(self._dialect.results(self.steps[-1]))
        kind, times = self._streak
        self._streak = result.error_kind, times + 1 if result.error_kind == kind else 1
        if not result.ok and self._streak[1] == self._max_failures:
            return Stop("max_failures")
        if len(self.steps) >= self._replayed + self._max_steps:
            return Stop("max_steps")
        return Ask(self._dialect.results(self.steps[-1]))


def _together(calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    """The calls of one reply; raises CallError if they cannot be made together."""
    if len(calls) > MOST_CALLS:
        problem = f"The reply holds {len(calls)} calls, and at most {MOST_CALLS} are allowed."
        raise CallError("unparseable_call", f"{problem} No call was made.")
    if len(calls) > 1 and any(call.name == answer.name for call in calls):
        problem = "The reply calls answer beside other calls, and no call was made."
        advice = "Make the other calls first; when you have their results, call answer alone."
        raise CallError("unparseable_call", f"{problem} {advice}")
    return calls


def _combined(executed: Sequence[Executed]) -> ToolResult:
    """The results of several calls as one: ok if each is, else of the first failure's kind."""
    lines = [f"Result {i}: {each.result.content}" for i, each in enumerate(executed, 1)]
    failed = [each.result for each in executed if not each.result.ok]
    return ToolResult(not failed, "\n".join(lines), failed[0].error_kind if failed else None)

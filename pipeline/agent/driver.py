"""The driver: makes one chain by letting the agent, an engine and an executor take turns.

One coroutine per chain; chains never wait for each other. A task with a prefix is a chain that goes
on from recorded replies: they are read and their calls executed as if the engine had just written
them, so results and the functions' state are exact.

A `Rollout` is tokens in, tokens out. Its engine is a small protocol: vLLM in generation and
evaluation, a Serve handle in serving, a script in tests. Where only messages go over the wire
(`pipeline.generation.endpoint`) the same `Driver` makes the chains, and keeps another
`Conversation`.

Not here: what to do next (`pipeline.agent.agent`), which tasks there are
(`pipeline.generation.tasks`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pipeline.agent.agent import Agent, Ask, Execute, Stop
from pipeline.agent.prompt import Dialect, canonical
from pipeline.agent.transcript import ChatTemplate, Transcript
from pipeline.recipe.models import AgentSettings
from pipeline.records import Chain, Message, Reply, Step, Task
from toolsets import ToolCall, ToolResult


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is sampled. `temperature` 0 is greedy; `max_tokens` counts the reply's tokens;
    the reply ends with the first of `stop` in it, texts or tokens; `grammar` (EBNF) is what it is
    held to, None for nothing."""

    temperature: float
    max_tokens: int
    seed: int
    stop: tuple[str, ...] = ()
    grammar: str | None = None


class EngineError(RuntimeError):
    """The engine failed to answer, through no fault of the prompt."""


class ContextFull(Exception):
    """No reply fits behind a conversation any more."""


class Engine(Protocol):
    """What generates replies. `context` is the most tokens that prompt and reply may have."""

    @property
    def context(self) -> int: ...

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """The model's reply; raises EngineError where it cannot be had."""
        ...


class Runner(Protocol):
    """What executes calls; `toolsets.Executor` is one."""

    def submit(self, call: ToolCall) -> Awaitable[ToolResult]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one chain: replies, tokens per reply, retries after an engine error, replies in a
    row that fail in the same way (None: any number), and what ends a reply and belongs to it."""

    max_steps: int
    reply_tokens: int
    retries: int = 0
    max_failures: int | None = None
    stop: tuple[str, ...] = ()


def limits_of(agent: AgentSettings, retries: int, stop: tuple[str, ...] = ()) -> Limits:
    """The limits of a recipe's chains; `retries` and `stop` are a model's."""
    return Limits(agent.max_steps, agent.reply_tokens, retries, agent.max_failures, stop)


OnStep = Callable[[Step], None]


TOKENS = ("prompt", "cached", "cacheable", "written")  # counts of `Usage`
SECONDS = "engine_seconds"  # counted beside them, by `pipeline.generation.usage`


@dataclass(slots=True)
class Usage:
    """Tokens of all requests to an engine.

    `cached` of the `prompt` tokens were in the engine's cache; `cacheable` are those that an
    earlier request of the same chain had, in whole blocks of `block`, or that were found: the most
    that a cache without bounds could find for chains that share only their first `common` tokens.
    `written` are the replies'.
    """

    common: int = 0
    block: int = 1
    prompt: int = 0
    cached: int = 0
    cacheable: int = 0
    written: int = 0

    def add(self, prompt: int, known: int, reply: Reply) -> None:
        """Count one request, of whose `prompt` tokens the first `known` are."""
        self.prompt += prompt
        self.cached += reply.cached_tokens
        most = max(0, min(known, prompt - 1))  # the last token is always computed
        self.cacheable += max(most // self.block * self.block, reply.cached_tokens)
        self.written += reply.tokens

    @property
    def tokens(self) -> dict[str, int]:
        """The counts, by name."""
        return {name: getattr(self, name) for name in TOKENS}

    def since(self, before: Usage) -> Usage:
        """What was counted after `before`."""
        counts = {name: count - before.tokens[name] for name, count in self.tokens.items()}
        return replace(self, **counts)


class Conversation(Protocol):
    """One chain as its model reads it: an opening, then replies and the messages between them.

    `ask` and `replay` append the reply that they return, beside the tokens that were read for it;
    they raise ContextFull where none fits any more.
    """

    async def ask(self, sampling: Sampling) -> tuple[Reply, int]:
        """The model's next reply; raises EngineError where it cannot be had."""
        ...

    def replay(self, text: str) -> tuple[Reply, int]:
        """A recorded reply, as if the model had just written it."""
        ...

    def add_message(self, message: Message) -> None:
        """Append the message that follows a reply."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver(ABC):
    """Everything that chains of one model have in common; `usage` counts what they ask for."""

    dialect: Dialect
    runner: Runner
    limits: Limits
    temperature: float
    usage: Usage = field(default_factory=Usage)

    @abstractmethod
    def converse(self, opening: Sequence[Message]) -> Conversation:
        """A conversation that begins with these messages."""

    async def __call__(self, task: Task, on_step: OnStep = lambda step: None) -> Chain:
        """The chain of one task, each step told when it is whole.

        An engine error becomes a chain that says so.
        """
        agent = Agent(self.dialect, self.limits.max_steps, self.limits.max_failures)
        opening = self.dialect.prompt_messages(task.problem.question)
        conversation = self.converse(opening)
        error: str | None = None
        try:
            stop = await self._run(agent, conversation, task, on_step)
        except ContextFull:
            stop = Stop("context_full")
        except EngineError as failure:
            stop, error = Stop("engine_error"), str(failure)
        return Chain(
            chain_id=task.task_id,
            problem_id=task.problem.problem_id,
            model=task.model,
            sample_index=task.sample_index,
            seed=task.seed,
            messages=(*opening, *canonical(agent.steps)),
            steps=tuple(agent.steps),
            stop_reason=stop.reason,
            answer=agent.answer,
            error=error,
            prefix_steps=len(task.prefix),
        )

    async def _run(
        self, agent: Agent, conversation: Conversation, task: Task, on_step: OnStep
    ) -> Stop:
        while True:
            turn = len(agent.steps)
            if turn < len(task.prefix):
                reply, prompt_tokens = conversation.replay(task.prefix[turn])
            else:
                sampling = Sampling(
                    temperature=self.temperature,
                    max_tokens=self.limits.reply_tokens,
                    seed=task.seed + turn,
                    stop=self.limits.stop,
                    grammar=self.dialect.grammar,
                )
                reply, prompt_tokens = await conversation.ask(sampling)
            action = agent.read(reply, prompt_tokens)
            if isinstance(action, Execute):
                action = agent.observe(await self.runner.submit(action.call))
            on_step(agent.steps[-1])
            if isinstance(action, Stop):
                return action
            assert isinstance(action, Ask)
            conversation.add_message(action.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout(Driver):
    """Chains as tokens: a reply is never tokenised again, and only what is new is encoded."""

    template: ChatTemplate
    engine: Engine

    def converse(self, opening: Sequence[Message]) -> Conversation:
        return _Tokens(self, opening)


class _Tokens:
    """A conversation as the append-only tokens of a chain."""

    def __init__(self, rollout: Rollout, opening: Sequence[Message]) -> None:
        self._rollout = rollout
        self._transcript = Transcript(rollout.template, opening)
        self._known = rollout.usage.common

    async def ask(self, sampling: Sampling) -> tuple[Reply, int]:
        room, token_ids = self._room(), self._transcript.token_ids
        prompt_tokens = len(token_ids)
        most = min(sampling.max_tokens, room)
        reply = await self._generate(token_ids, replace(sampling, max_tokens=most))
        if self._rollout.dialect.tools is not None:  # a template's own tokens may frame a call
            reply = replace(reply, text=self._rollout.template.text(reply.token_ids))
        self._rollout.usage.add(prompt_tokens, self._known, reply)
        self._transcript.add_reply(reply.token_ids)
        self._known = len(self._transcript.token_ids)
        return reply, prompt_tokens

    def replay(self, text: str) -> tuple[Reply, int]:
        self._room()
        token_ids = self._transcript.token_ids
        prompt_tokens = len(token_ids)
        message = {"role": "assistant", "content": text}
        reply = Reply(text, tuple(self._rollout.template.turn(message, token_ids)))
        self._transcript.add_reply(reply.token_ids)
        return reply, prompt_tokens

    def add_message(self, message: Message) -> None:
        self._transcript.add_message(message)

    def _room(self) -> int:
        """How many tokens still fit."""
        room = self._rollout.engine.context - len(self._transcript.token_ids)
        if room < 1:
            raise ContextFull
        return room

    async def _generate(self, token_ids: Sequence[int], sampling: Sampling) -> Reply:
        retries = self._rollout.limits.retries
        for attempt in range(retries + 1):
            try:
                return await self._rollout.engine.generate(token_ids, sampling)
            except EngineError:
                if attempt == retries:
                    raise
        raise AssertionError("unreachable")

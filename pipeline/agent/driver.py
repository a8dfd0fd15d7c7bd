"""The driver: makes one chain by alternating agent, engine and executor.

One coroutine per chain; chains never wait for each other. A task with a prefix continues recorded
replies: they are parsed and their calls executed as if the engine had just generated them, so
results and the functions' state are exact. They count for no limit except the context: the model
that continues has as many steps and failures as in a chain of its own.

A `Rollout` is tokens in, tokens out. Its engine is a small protocol: vLLM in generation and
evaluation, a Serve handle in serving, a script in tests. For remote endpoints, which take messages
(`pipeline.generation.endpoint`), the same `Driver` uses another `Conversation`.

Not here: the decision after each reply (`pipeline.agent.agent`), the list of tasks
(`pipeline.generation.tasks`).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pipeline.agent.agent import Agent, Execute, Stop
from pipeline.agent.prompt import Dialect, canonical
from pipeline.agent.transcript import ChatTemplate, Transcript
from pipeline.recipe.models import AgentSettings
from pipeline.records import Chain, Message, Reply, Step, Task
from toolsets import ToolCall, ToolResult


@dataclass(frozen=True, slots=True)
class Truncation:
    """Which tokens are sampled: the `top_k` likeliest (0: all), the likeliest of a total
    probability `top_p`, and those of at least `min_p` of the likeliest one's probability."""

    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0


ALL_TOKENS = Truncation()


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters of one reply.

    `temperature` 0 is greedy; `max_tokens` limits the reply; the first of `stop` (strings or
    tokens) ends the reply and is part of it; `grammar` (EBNF, or None) constrains decoding.
    """

    temperature: float
    max_tokens: int
    seed: int
    stop: tuple[str, ...] = ()
    grammar: str | None = None
    truncation: Truncation = ALL_TOKENS


class EngineError(RuntimeError):
    """The engine failed to answer; the prompt is not the cause."""


class ContextFull(Exception):
    """The conversation leaves no tokens of the context for a reply."""


class Engine(Protocol):
    """Generates replies. `context` is the largest number of tokens of prompt plus reply."""

    @property
    def context(self) -> int: ...

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """The model's reply; raises EngineError if the engine fails."""
        ...


class Runner(Protocol):
    """Executes calls; `toolsets.Executor` is one."""

    def submit(self, call: ToolCall) -> Awaitable[ToolResult]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one chain: replies, tokens per reply, retries after an engine error, failures of
    one kind in a row (None: no limit), and the stop strings of a reply."""

    max_steps: int
    reply_tokens: int
    retries: int = 0
    max_failures: int | None = None
    stop: tuple[str, ...] = ()


def limits_of(agent: AgentSettings, retries: int, stop: tuple[str, ...] = ()) -> Limits:
    """The limits of a recipe's chains; `retries` and `stop` are settings of the model."""
    return Limits(agent.max_steps, agent.reply_tokens, retries, agent.max_failures, stop)


OnStep = Callable[[Step], None]

TOKENS = ("prompt", "cached", "cacheable", "written")  # token counts of `Usage`
SECONDS = "engine_seconds"  # counted by `pipeline.generation.usage`


@dataclass(slots=True)
class Usage:
    """Token counts of all requests to an engine.

    `cached` counts the `prompt` tokens read from the engine's cache. `cacheable` counts those that
    an earlier request of the same chain contained, in whole blocks of `block` tokens, or that were
    read from the cache: the hits of an unbounded cache if chains share only their first `common`
    tokens. `written` counts the tokens of replies.
    """

    common: int = 0
    block: int = 1
    prompt: int = 0
    cached: int = 0
    cacheable: int = 0
    written: int = 0

    def add(self, prompt: int, seen: int, reply: Reply) -> None:
        """Count one request; earlier ones contained the first `seen` of its `prompt` tokens."""
        self.prompt += prompt
        self.cached += reply.cached_tokens
        reusable = max(0, min(seen, prompt - 1))  # the last token is always computed
        self.cacheable += max(reusable // self.block * self.block, reply.cached_tokens)
        self.written += reply.tokens

    @property
    def tokens(self) -> dict[str, int]:
        """The counts, by name."""
        return {name: getattr(self, name) for name in TOKENS}

    def since(self, before: Usage) -> Usage:
        """The counts since `before`."""
        counts = {name: count - before.tokens[name] for name, count in self.tokens.items()}
        return replace(self, **counts)


class Conversation(Protocol):
    """One chain as the model reads it: prompt messages, then replies and the messages between.

    `ask` and `replay` append a reply and return it with the number of its prompt tokens; they raise
    ContextFull if the context has no tokens left for a reply.
    """

    async def ask(self, sampling: Sampling) -> tuple[Reply, int]:
        """Generate the model's next reply; raises EngineError if the engine fails."""
        ...

    def replay(self, text: str) -> tuple[Reply, int]:
        """Append a recorded reply as if the model had just generated it."""
        ...

    def add_messages(self, messages: Sequence[Message]) -> None:
        """Append the messages that follow a reply."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver(ABC):
    """Makes the chains of one model; `usage` counts the tokens of their requests."""

    dialect: Dialect
    runner: Runner
    limits: Limits
    temperature: float
    truncation: Truncation = ALL_TOKENS
    usage: Usage = field(default_factory=Usage)

    @abstractmethod
    def converse(self, prompt: Sequence[Message]) -> Conversation:
        """A new conversation that starts with these prompt messages."""

    async def __call__(self, task: Task, on_step: OnStep = lambda step: None) -> Chain:
        """Make the chain of one task; `on_step` is called with each completed step.

        An engine error ends the chain with stop reason "engine_error".
        """
        limits = self.limits
        agent = Agent(self.dialect, limits.max_steps, limits.max_failures, len(task.prefix))
        prompt = self.dialect.prompt_messages(task.problem.question)
        conversation = self.converse(prompt)
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
            messages=(*prompt, *canonical(agent.steps)),
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
                    truncation=self.truncation,
                )
                reply, prompt_tokens = await conversation.ask(sampling)
            action = agent.read(reply, prompt_tokens)
            while isinstance(action, Execute):
                results = map(self.runner.submit, action.calls)
                action = agent.observe(*await asyncio.gather(*results))
            on_step(agent.steps[-1])
            if isinstance(action, Stop):
                return action
            conversation.add_messages(action.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout(Driver):
    """Makes chains as tokens: replies are never re-tokenised, only new messages are encoded."""

    template: ChatTemplate
    engine: Engine

    def converse(self, prompt: Sequence[Message]) -> Conversation:
        return _TokenConversation(self, prompt)


class _TokenConversation:
    """A conversation as an append-only token buffer."""

    def __init__(self, rollout: Rollout, prompt: Sequence[Message]) -> None:
        self._rollout = rollout
        self._transcript = Transcript(rollout.template, prompt)
        self._seen = rollout.usage.common  # leading tokens that earlier requests contained

    async def ask(self, sampling: Sampling) -> tuple[Reply, int]:
        max_tokens = min(sampling.max_tokens, self._tokens_left())
        token_ids = self._transcript.token_ids
        prompt_tokens = len(token_ids)
        reply = await self._generate(token_ids, replace(sampling, max_tokens=max_tokens))
        if self._rollout.dialect.tools is not None:  # special tokens may delimit a call
            reply = replace(reply, text=self._rollout.template.text(reply.token_ids))
        self._rollout.usage.add(prompt_tokens, self._seen, reply)
        self._transcript.add_reply(reply.token_ids)
        self._seen = len(self._transcript.token_ids)
        return reply, prompt_tokens

    def replay(self, text: str) -> tuple[Reply, int]:
        self._tokens_left()  # raises ContextFull
        token_ids = self._transcript.token_ids
        prompt_tokens = len(token_ids)
        message = {"role": "assistant", "content": text}
        reply = Reply(text, tuple(self._rollout.template.turn(message, token_ids)))
        self._transcript.add_reply(reply.token_ids)
        return reply, prompt_tokens

    def add_messages(self, messages: Sequence[Message]) -> None:
        self._transcript.add_messages(messages)

    def _tokens_left(self) -> int:
        """Tokens of the context left for a reply; raises ContextFull if none."""
        left = self._rollout.engine.context - len(self._transcript.token_ids)
        if left < 1:
            raise ContextFull
        return left

    async def _generate(self, token_ids: Sequence[int], sampling: Sampling) -> Reply:
        retries = self._rollout.limits.retries
        for attempt in range(retries + 1):
            try:
                return await self._rollout.engine.generate(token_ids, sampling)
            except EngineError:
                if attempt == retries:
                    raise
        raise AssertionError("unreachable")

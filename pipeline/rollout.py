"""The driver: makes one chain by letting the agent, an engine and an executor take turns.

One coroutine per chain; chains never wait for each other. A task with a prefix is a chain that goes
on from recorded replies: they are read and their calls executed as if the engine had just written
them, so results and the functions' state are exact. The engine is a small protocol: vLLM in
generation and evaluation, a Serve handle in serving, a script in tests.

Not here: what to do next (`pipeline.agent`), which tasks there are (`pipeline.tasks`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pipeline import sections
from pipeline.agent import Agent, Ask, Execute, Stop
from pipeline.prompt import Dialect, canonical
from pipeline.records import Chain, Reply, Step, Task
from pipeline.transcript import ChatTemplate, Transcript
from toolsets import ToolCall, ToolResult


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is sampled. `temperature` 0 is greedy; `max_tokens` counts the reply's tokens;
    `grammar` (EBNF) is what the reply is held to, None for nothing."""

    temperature: float
    max_tokens: int
    seed: int
    grammar: str | None = None


class EngineError(RuntimeError):
    """The engine failed to answer, through no fault of the prompt."""


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
    row that fail in the same way (None: any number)."""

    max_steps: int
    reply_tokens: int
    retries: int = 0
    max_failures: int | None = None


def limits_of(agent: sections.Agent, retries: int) -> Limits:
    """The limits of a recipe's chains."""
    return Limits(agent.max_steps, agent.reply_tokens, retries, agent.max_failures)


OnStep = Callable[[Step], None]


TOKENS = ("prompt", "cached", "cacheable", "written")  # counts of `Usage`
SECONDS = "engine_seconds"  # beside them: how long engines were at work (`pipeline.usage`)


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
        most = min(known, prompt - 1)  # the last token is always computed
        self.cacheable += max(most // self.block * self.block, reply.cached_tokens)
        self.written += len(reply.token_ids)

    @property
    def tokens(self) -> dict[str, int]:
        """The counts, by name."""
        return {name: getattr(self, name) for name in TOKENS}

    def since(self, before: Usage) -> Usage:
        """What was counted after `before`."""
        counts = {name: count - before.tokens[name] for name, count in self.tokens.items()}
        return replace(self, **counts)


@dataclass(frozen=True, slots=True)
class Rollout:
    """Everything that chains of one model have in common; `usage` counts what they ask for."""

    dialect: Dialect
    template: ChatTemplate
    engine: Engine
    runner: Runner
    limits: Limits
    temperature: float
    usage: Usage = field(default_factory=Usage)

    async def __call__(self, task: Task, on_step: OnStep = lambda step: None) -> Chain:
        """The chain of one task, each step told when it is whole.

        An engine error becomes a chain that says so.
        """
        agent = Agent(self.dialect, self.limits.max_steps, self.limits.max_failures)
        opening = self.dialect.opening(task.problem.question)
        transcript = Transcript(self.template, opening)
        error: str | None = None
        try:
            stop = await self._run(agent, transcript, task, on_step)
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

    async def _run(self, agent: Agent, transcript: Transcript, task: Task, on_step: OnStep) -> Stop:
        known = self.usage.common
        while True:
            room = self.engine.context - len(transcript.token_ids)
            if room < 1:
                return Stop("context_full")
            prompt_tokens = len(transcript.token_ids)
            if (turn := len(agent.steps)) < len(task.prefix):
                reply = self._recorded(task.prefix[turn], transcript.token_ids)
                transcript.add_reply(reply.token_ids)
            else:
                reply = await self._reply(task.seed + turn, transcript.token_ids, room)
                self.usage.add(prompt_tokens, known, reply)
                transcript.add_reply(reply.token_ids)
                known = len(transcript.token_ids)
            action = agent.read(reply, prompt_tokens)
            if isinstance(action, Execute):
                action = agent.observe(await self.runner.submit(action.call))
            on_step(agent.steps[-1])
            if isinstance(action, Stop):
                return action
            assert isinstance(action, Ask)
            transcript.add_message(action.message)

    def _recorded(self, text: str, token_ids: Sequence[int]) -> Reply:
        message = {"role": "assistant", "content": text}
        return Reply(text, tuple(self.template.turn(message, token_ids)))

    async def _reply(self, seed: int, token_ids: Sequence[int], room: int) -> Reply:
        most = min(self.limits.reply_tokens, room)
        sampling = Sampling(self.temperature, most, seed, self.dialect.grammar)
        reply = await self._ask(token_ids, sampling)
        if self.dialect.tools is not None:  # a template's own tokens may open and close a call
            reply = replace(reply, text=self.template.text(reply.token_ids))
        return reply

    async def _ask(self, token_ids: Sequence[int], sampling: Sampling) -> Reply:
        for attempt in range(self.limits.retries + 1):
            try:
                return await self.engine.generate(token_ids, sampling)
            except EngineError:
                if attempt == self.limits.retries:
                    raise
        raise AssertionError("unreachable")

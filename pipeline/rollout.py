"""The driver: makes one chain by letting the agent, an engine and an executor take turns.

One coroutine per chain; chains never wait for each other. A task with a prefix is a chain that goes
on from recorded replies: they are read and their calls executed as if the engine had just written
them, so results and the functions' state are exact. The engine is a small protocol: vLLM in
generation and evaluation, a Serve handle in serving, a script in tests.

Not here: what to do next (`pipeline.agent`), which tasks there are (`pipeline.tasks`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pipeline.agent import Agent, Ask, Execute, Stop
from pipeline.prompt import Dialect, canonical
from pipeline.records import Chain, Reply, Step, Task
from pipeline.transcript import ChatTemplate, Transcript
from toolsets import ToolCall, ToolResult


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is sampled. `temperature` 0 is greedy; `max_tokens` counts the reply's tokens."""

    temperature: float
    max_tokens: int
    seed: int


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
    """Bounds of one chain: replies, tokens per reply, retries after an engine error."""

    max_steps: int
    reply_tokens: int
    retries: int = 0


OnStep = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Rollout:
    """Everything that chains of one model have in common."""

    dialect: Dialect
    template: ChatTemplate
    engine: Engine
    runner: Runner
    limits: Limits
    temperature: float

    async def __call__(self, task: Task, on_step: OnStep = lambda step: None) -> Chain:
        """The chain of one task, each step told when it is whole.

        An engine error becomes a chain that says so.
        """
        agent = Agent(self.dialect, self.limits.max_steps)
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
        while True:
            room = self.engine.context - len(transcript.token_ids)
            if room < 1:
                return Stop("context_full")
            prompt_tokens = len(transcript.token_ids)
            reply = await self._reply(task, len(agent.steps), transcript.token_ids, room)
            transcript.add_reply(reply.token_ids)
            action = agent.read(reply, prompt_tokens)
            if isinstance(action, Execute):
                action = agent.observe(await self.runner.submit(action.call))
            on_step(agent.steps[-1])
            if isinstance(action, Stop):
                return action
            assert isinstance(action, Ask)
            transcript.add_message(action.message)

    async def _reply(self, task: Task, turn: int, token_ids: Sequence[int], room: int) -> Reply:
        """The reply of this turn: the recorded one while there is any, then the engine's."""
        if turn < len(task.prefix):
            text = task.prefix[turn]
            recorded = {"role": "assistant", "content": text}
            return Reply(text, tuple(self.template.turn(recorded, token_ids)))
        most = min(self.limits.reply_tokens, room)
        reply = await self._ask(token_ids, Sampling(self.temperature, most, task.seed + turn))
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

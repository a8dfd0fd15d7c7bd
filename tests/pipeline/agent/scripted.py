"""A scripted engine and rollouts with it; no model, no GPU, no patch.

`ScriptedEngine` fully implements `pipeline.agent.driver.Engine`: tokens in, tokens out; replies end
with the template's end of turn, or are cut at `stop` or `max_tokens`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import toolsets
from pipeline.agent.agent import with_agent_tools
from pipeline.agent.driver import EngineError, Limits, Rollout, Runner, Sampling
from pipeline.agent.prompt import Inject
from pipeline.agent.transcript import ChatTemplate, Tokenizer
from pipeline.records import Problem, Reply, Task
from toolsets import ToolCall, ToolResult, Toolset

ARITHMETIC = toolsets.load("arithmetic[add,subtract,multiply,divide,percent_of]")
TURN = "<|assistant|>"  # opens a model turn in the pocket template


class TextTokenizer(Tokenizer, Protocol):
    """The part of a Hugging Face tokenizer that tests use, with simpler types."""

    def decode(self, token_ids: Sequence[int]) -> str: ...

    def convert_tokens_to_ids(self, tokens: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the engine."""

    prompt: tuple[int, ...]
    sampling: Sampling


@dataclass
class ScriptedEngine:
    """Replies from `script`, which maps a question in the prompt to its replies, turn by turn.

    The first `failures` requests raise EngineError. A question or a reply in `gates` waits for its
    gate; `cancelled` counts the waits that were cancelled.
    """

    tokenizer: TextTokenizer
    script: Mapping[str, Sequence[str]]
    context: int = 2048
    failures: int = 0
    gates: Mapping[str, asyncio.Event] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    cancelled: int = 0
    turn: str = TURN

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        self.requests.append(Request(tuple(prompt_token_ids), sampling))
        assert len(prompt_token_ids) + sampling.max_tokens <= self.context
        if self.failures:
            self.failures -= 1
            raise EngineError("the engine is away")
        prompt = self.tokenizer.decode(list(prompt_token_ids))
        question = next(question for question in self.script if question in prompt)
        text = self.script[question][prompt.count(self.turn) - 1]
        for gate in (self.gates.get(question), self.gates.get(text)):
            if gate is not None:
                await self._wait(gate)
        return self._reply(text, sampling)

    async def _wait(self, gate: asyncio.Event) -> None:
        try:
            await gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    def _reply(self, text: str, sampling: Sampling) -> Reply:
        tokens = ChatTemplate(self.tokenizer).reply(text)
        ends = [text.index(end) + len(end) for end in sampling.stop if end in text]
        if ends:
            text = text[: min(ends)]
            tokens = self.tokenizer.encode(text, add_special_tokens=False)
        if len(tokens) <= sampling.max_tokens:
            return Reply(text, tuple(tokens))
        cut = tokens[: sampling.max_tokens]
        return Reply(self.tokenizer.decode(cut), tuple(cut), "length")


@dataclass(frozen=True, slots=True)
class InProcess:
    """Executes calls in this process."""

    toolset: Toolset = ARITHMETIC

    async def submit(self, call: ToolCall) -> ToolResult:
        return self.toolset.execute(call)


def rollout(
    engine: ScriptedEngine,
    runner: Runner | None = None,
    limits: Limits | None = None,
    tool_role: str = "user",
) -> Rollout:
    """A greedy rollout of `engine` over the arithmetic functions."""
    return Rollout(
        dialect=Inject(with_agent_tools(ARITHMETIC), tool_role),
        template=ChatTemplate(engine.tokenizer),
        engine=engine,
        runner=runner or InProcess(),
        limits=limits or Limits(max_steps=8, reply_tokens=64),
        temperature=0.0,
    )


def task(question: str, answer: str = "0", seed: int = 7) -> Task:
    """The task of one question, which is also its problem's id."""
    problem = Problem(question, "arithmetic", question, answer, "train")
    return Task(f"{question}/teacher/0", problem, "teacher", 0, seed)

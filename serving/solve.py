"""Solving a problem over HTTP, by the same agent as in generation and evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.agent.driver import OnStep, Rollout
from pipeline.agent.transcript import Transcript
from pipeline.records import Chain, Problem, Step, Task
from toolsets import ToolCall, ToolResult

CHARACTERS_PER_TOKEN = 64  # more than any tokenizer reaches on meaningful text


class SolveRequest(BaseModel):
    """The body of POST /v1/solve."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    problem: Annotated[str, Field(min_length=1)]
    model: str | None = None
    max_steps: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    stream: bool = False


class TooLong(ValueError):
    """The problem does not fit into the context; the message gives its length and the limit."""


def check_fits(rollout: Rollout, question: str) -> None:
    """Raise TooLong if the prompt leaves no token for a reply."""
    most = rollout.engine.context * CHARACTERS_PER_TOKEN
    if len(question) > most:  # refused without encoding it, which would be slow
        raise TooLong(
            f"the problem has {len(question):,} characters, and this model reads at most "
            f"{rollout.engine.context:,} tokens"
        )
    tokens = len(Transcript(rollout.template, rollout.dialect.prompt_messages(question)).token_ids)
    if tokens >= rollout.engine.context:
        raise TooLong(
            f"the prompt with this problem has {tokens:,} tokens, and this model reads at most "
            f"{rollout.engine.context:,}, its replies included"
        )


async def solve(rollout: Rollout, request: SolveRequest, model: str, on_step: OnStep) -> Chain:
    """Run one request; its `max_steps` can lower the rollout's limit but not raise it."""
    limits = rollout.limits
    steps = min(request.max_steps or limits.max_steps, limits.max_steps)
    limited = replace(
        rollout, limits=replace(limits, max_steps=steps), temperature=request.temperature
    )
    digest = hashlib.sha256(request.problem.encode()).hexdigest()[:16]
    problem = Problem(digest, "", request.problem, "", "served")
    return await limited(Task(f"{digest}/{model}/0", problem, model, 0, request.seed), on_step)


def step_json(index: int, step: Step) -> dict[str, Any]:
    """One step as JSON for clients; `result` is null for the final answer.

    `parallel` holds every call of a reply with several, each with its own result; `call` is then
    the first, and `result` all results as one.
    """
    return {
        "index": index,
        "reply": step.reply,
        "call": step.call and _call_json(step.call),
        "result": step.result and _result_json(step.result),
        "parallel": [
            {"call": _call_json(each.call), "result": _result_json(each.result)}
            for each in step.parallel
        ],
        "prompt_tokens": step.prompt_tokens,
        "completion_tokens": step.completion_tokens,
    }


def chain_json(chain: Chain, problem: str) -> dict[str, Any]:
    """A whole chain as JSON for clients."""
    return {
        "id": chain.chain_id,
        "model": chain.model,
        "problem": problem,
        "answer": chain.answer,
        "stop_reason": chain.stop_reason,
        "steps": _steps(chain.steps),
        "messages": list(chain.messages),
        "usage": {
            "prompt_tokens": sum(step.prompt_tokens for step in chain.steps),
            "completion_tokens": chain.tokens,
            "calls": chain.calls,
        },
    }


def _call_json(call: ToolCall) -> dict[str, Any]:
    return {"name": call.name, "arguments": call.arguments}


def _result_json(result: ToolResult) -> dict[str, Any]:
    return {"ok": result.ok, "content": result.content, "error_kind": result.error_kind}


def _steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [step_json(index, step) for index, step in enumerate(steps)]

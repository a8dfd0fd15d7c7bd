"""Deployment of the student: one vLLM engine for the agent and for chat clients.

The agent sends and receives token ids, through the same engine code as in generation
(`pipeline.engine.engine`). Chat clients use vLLM's own OpenAI layer over that engine, so requests
and replies have vLLM's format.

`ray.serve.llm` works too (vLLM 0.32, token ids in and out) but is not used: its `llm` extra pins
another vLLM than our locks; it took 56 s to start on two cores, partly for a task that imports
everything again and keeps running (0.8 GB); and it starts an actor that reports usage.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.agent.driver import Sampling
from pipeline.engine.engine import LocalEngine
from pipeline.records import Reply

NEEDS_PARSER = (
    "a tool_choice other than auto or none needs a tool parser: start the service with "
    "serving.tool_parser (such as hermes); without one, tools are in the prompt, replies are text"
)


@dataclass(frozen=True, slots=True)
class StudentSettings:
    """The settings of a replica."""

    name: str
    model: str
    engine: tuple[tuple[str, Any], ...]
    kv_cache_gib: float
    max_tokens: int  # of one chat completion
    tool_parser: str | None


class Student:
    """One engine. `generate` serves the agent, `chat` serves POST /v1/chat/completions."""

    async def __init__(self, settings: StudentSettings) -> None:
        if Path(settings.model).is_absolute() and not Path(settings.model).is_dir():
            raise ValueError(
                f"the model folder {settings.model} is not on node {platform.node()}; serve one on "
                "storage that every node mounts"
            )
        options = dict(settings.engine)
        limit = {"max_new_tokens": settings.max_tokens}
        generation = (options.get("override_generation_config") or {}) | limit
        options |= {"served_model_name": [settings.name], "override_generation_config": generation}
        self._engine = LocalEngine(settings.model, options, settings.kv_cache_gib)
        self._parses_tools = settings.tool_parser is not None
        self._chat = await _openai_chat(self._engine, settings.tool_parser)

    async def context(self) -> int:
        """Maximum tokens of prompt and reply together."""
        return self._engine.context

    async def unfinished(self) -> int:
        """Number of requests in the engine."""
        return self._engine.llm.output_processor.get_num_unfinished_requests()

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """One reply for the agent."""
        try:
            return await self._engine.generate(prompt_token_ids, sampling)
        finally:
            self._exit_if_engine_died()

    async def chat(self, body: dict[str, Any]) -> AsyncIterator[tuple[int, str]]:
        """Answer one chat completion request with pairs of HTTP status and text.

        A whole answer or an error is one pair (a JSON object), a streamed answer many (server-sent
        events).
        """
        from pydantic import ValidationError
        from vllm.entrypoints.openai.chat_completion.protocol import (
            ChatCompletionRequest,
            ChatCompletionResponse,
        )
        from vllm.entrypoints.serve.engine.protocol import ErrorResponse

        if not self._parses_tools and body.get("tools"):
            if body.get("tool_choice", "auto") not in ("auto", "none"):
                yield 400, self._chat.create_error_response(NEEDS_PARSER).model_dump_json()
                return
            # vLLM refuses "auto" without a parser; with "none" the tools are still in the prompt
            body = body | {"tool_choice": "none"}
        try:
            request = ChatCompletionRequest.model_validate(body)
            answer = await self._chat.create_chat_completion(request)
        except ValidationError as error:
            answer = self._chat.create_error_response(_first_error(error))
        except Exception as error:  # the engine's boundary: vLLM maps its errors to responses
            self._exit_if_engine_died()
            answer = self._chat.create_error_response(error)
        if isinstance(answer, ErrorResponse):
            yield answer.error.code, answer.model_dump_json()
        elif isinstance(answer, ChatCompletionResponse):
            yield 200, answer.model_dump_json()
        else:
            async for event in answer:
                yield 200, event
            self._exit_if_engine_died()

    def check_health(self) -> None:
        """Called by Serve, which replaces a replica that raises or dies."""
        self._exit_if_engine_died()

    def _exit_if_engine_died(self) -> None:
        """End this process if its engine is dead: Serve replaces a dead replica at once."""
        if self._engine.dead:
            os._exit(1)


async def _openai_chat(engine: LocalEngine, tool_parser: str | None) -> Any:
    """vLLM's OpenAIServingChat over `engine`, built as vLLM's own server builds it."""
    from starlette.datastructures import State
    from vllm.entrypoints.launchers.api_server.app_state import init_app_state
    from vllm.entrypoints.launchers.cli_args import FrontendArgs

    frontend = FrontendArgs(
        enable_auto_tool_choice=tool_parser is not None, tool_call_parser=tool_parser
    )
    state = State()
    await init_app_state(
        engine.llm,
        state,
        argparse.Namespace(**vars(frontend) | vars(engine.arguments)),
        await engine.llm.get_supported_tasks(),
    )
    return state.openai_serving_chat


def _first_error(error: Any) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']}" if field else first["msg"]

"""The student as a deployment: one vLLM engine, asked by the agent and by chat clients.

The agent's side is tokens in, tokens out, the same engine code as generation's
(`pipeline.engine.engine`). The clients' side is vLLM's own OpenAI layer over that engine, so
requests and replies are vLLM's.

`ray.serve.llm` answered here too (vLLM 0.32, token ids in and out), but: the `llm` extra that it
belongs to pins another vLLM than this house does; it was up after 56 s on two cores, a part of it
a task that imports everything once more and stays (0.8 GB); and it starts an actor that reports
usage.
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
    "tool_choice that names or requires a call needs a service that parses calls: start it with "
    "serving.tool_parser (such as hermes); without one tools reach the prompt, and replies are text"
)


@dataclass(frozen=True, slots=True)
class StudentSettings:
    """Everything that a replica needs."""

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
        asked = dict(settings.engine)
        cap = {"max_new_tokens": settings.max_tokens}
        generation = asked.get("override_generation_config", {}) | cap
        own = {"served_model_name": [settings.name], "override_generation_config": generation}
        options = asked | own
        self._engine = LocalEngine(settings.model, options, settings.kv_cache_gib)
        self._parses_tools = settings.tool_parser is not None
        self._chat = await _openai_chat(self._engine, settings.tool_parser)

    async def context(self) -> int:
        """Most tokens of prompt and reply together."""
        return self._engine.context

    async def unfinished(self) -> int:
        """Requests that the engine is working on."""
        return self._engine.llm.output_processor.get_num_unfinished_requests()

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """One reply of the agent's model."""
        try:
            return await self._engine.generate(prompt_token_ids, sampling)
        finally:
            self._die_with_the_engine()

    async def chat(self, body: dict[str, Any]) -> AsyncIterator[tuple[int, str]]:
        """Answer one chat completion request: pairs of HTTP status and text.

        One pair for a whole answer or a refusal (a JSON object), many for a streamed one
        (server-sent events).
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
            # vLLM refuses "auto" without a parser; "none" still shows the tools to the model
            body = body | {"tool_choice": "none"}
        try:
            request = ChatCompletionRequest.model_validate(body)
            answer = await self._chat.create_chat_completion(request)
        except ValidationError as error:
            answer = self._chat.create_error_response(_first(error))
        except Exception as error:  # the engine's boundary: vLLM's layer knows its own errors
            self._die_with_the_engine()
            answer = self._chat.create_error_response(error)
        if isinstance(answer, ErrorResponse):
            yield answer.error.code, answer.model_dump_json()
        elif isinstance(answer, ChatCompletionResponse):
            yield 200, answer.model_dump_json()
        else:
            async for event in answer:
                yield 200, event
            self._die_with_the_engine()

    def check_health(self) -> None:
        """Called by Serve, which replaces a replica that raises or dies."""
        self._die_with_the_engine()

    def _die_with_the_engine(self) -> None:
        """End this process if its engine is dead: Serve replaces a dead replica at once."""
        if self._engine.dead:
            os._exit(1)


async def _openai_chat(engine: LocalEngine, tool_parser: str | None) -> Any:
    """vLLM's OpenAIServingChat over `engine`, as its own server sets it up."""
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


def _first(error: Any) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]

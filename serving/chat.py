"""The accepted fields of a chat completion request; vLLM checks the values (`serving.student`)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_CHOICES = 8  # of one chat completion
# vLLM's other parameters would let clients fetch URLs in the cluster's network or block the engine.
PASSED_TO_VLLM = {
    "add_generation_prompt",
    "chat_template_kwargs",
    "continue_final_message",
    "frequency_penalty",
    "ignore_eos",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "min_p",
    "min_tokens",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "seed",
    "skip_special_tokens",
    "stop",
    "stop_token_ids",
    "store",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "user",
}


class ChatRequest(BaseModel):
    """The body of POST /v1/chat/completions; vLLM checks the fields that are only passed on."""

    model_config = ConfigDict(extra="allow")

    model: str
    messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    stream: bool | None = None

    @model_validator(mode="after")
    def _check_supported(self) -> ChatRequest:
        if others := sorted(set(self.model_extra or ()) - PASSED_TO_VLLM):
            raise ValueError(f"{others[0]} is not supported")
        for index, message in enumerate(self.messages):
            parts = message.get("content")
            for part in parts if isinstance(parts, list) else ():
                if not isinstance(part, str) and part.get("type") != "text":
                    raise ValueError(f"messages.{index}.content: only text is supported")
        return self

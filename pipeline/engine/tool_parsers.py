"""vLLM's tool parsers: the calls in a reply, in the form that a family of models writes them in.

vLLM is imported where a parser is made; its parsers log a traceback for every malformed reply,
which is silenced, since such a reply is nothing unusual.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

Reader = Callable[[str], tuple[str, Sequence[tuple[str, str]]]]
"""Reads a reply: the text beside its calls, and the calls as names with arguments in JSON."""


class ToolParserError(ValueError):
    """A parser that does not exist or cannot read this model; one sentence for the operator."""


def reader_maker(
    name: str | None, tokenizer: Any
) -> Callable[[Sequence[dict[str, Any]]], Reader] | None:
    """What makes the reader of a model's replies from the tools it is shown; None for no parser."""
    return None if name is None else partial(reader, name, tokenizer)


def reader(name: str, tokenizer: Any, tools: Sequence[dict[str, Any]]) -> Reader:
    """The reader of vLLM's parser `name`; raises ToolParserError, or what a parser raises of a
    reply."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.tool_parsers import ToolParserManager

    for room in ("vllm.tool_parsers", "vllm.parser"):
        logging.getLogger(room).setLevel(logging.CRITICAL)
    known = ToolParserManager.list_registered()
    if name not in known:
        raise ToolParserError(f"vLLM has no tool parser {name!r}; it has: {', '.join(known)}")
    request = ChatCompletionRequest.model_validate(
        {"messages": [], "tools": list(tools), "tool_choice": "auto"}
    )
    parser_class = ToolParserManager.get_tool_parser(name)
    try:
        parser = parser_class(tokenizer, [*(request.tools or [])])
    except Exception as error:  # vLLM's boundary: each parser asks for other tokens
        raise ToolParserError(f"tool parser {name} cannot read this model: {error}") from error

    def read(reply: str) -> tuple[str, Sequence[tuple[str, str]]]:
        found = parser.extract_tool_calls(reply, request)
        calls = [(call.function.name, call.function.arguments) for call in found.tool_calls]
        return found.content or "", calls

    return read

"""vLLM's tool parsers: extract the calls from a reply in a model family's native format.

vLLM is imported only when a parser is created. Its parsers log a traceback for every malformed
reply; that log is silenced, because such replies are common.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

Reader = Callable[[str], tuple[str, Sequence[tuple[str, str]]]]
"""Splits a reply into the text outside its calls and the calls (name, arguments in JSON)."""


class ToolParserError(ValueError):
    """The parser does not exist or does not support this model; one sentence for the operator."""


def reader_maker(
    name: str | None, tokenizer: Any
) -> Callable[[Sequence[dict[str, Any]]], Reader] | None:
    """A function that creates the reader of a model's replies from its tools' schemas; None if
    `name` is None."""
    return None if name is None else partial(reader, name, tokenizer)


def reader(name: str, tokenizer: Any, tools: Sequence[dict[str, Any]]) -> Reader:
    """A reader that uses vLLM's parser `name`. Raises ToolParserError; the reader itself raises
    whatever the parser raises on a reply."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.tool_parsers import ToolParserManager

    for logger in ("vllm.tool_parsers", "vllm.parser"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    known = ToolParserManager.list_registered()
    if name not in known:
        raise ToolParserError(f"vLLM has no tool parser {name!r}; it has: {', '.join(known)}")
    request = ChatCompletionRequest.model_validate(
        {"messages": [], "tools": list(tools), "tool_choice": "auto"}
    )
    parser_class = ToolParserManager.get_tool_parser(name)
    try:
        parser = parser_class(tokenizer, [*(request.tools or [])])
    except Exception as error:  # vLLM's boundary: each parser requires different tokens
        raise ToolParserError(f"tool parser {name} cannot read this model: {error}") from error

    def read(reply: str) -> tuple[str, Sequence[tuple[str, str]]]:
        parsed = parser.extract_tool_calls(reply, request)
        calls = [(call.function.name, call.function.arguments) for call in parsed.tool_calls]
        return parsed.content or "", calls

    return read

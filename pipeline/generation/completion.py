"""Reads the JSON of a chat completion, as servers really write it.

Text that can be read in one way is read: a string, a list of text parts, one part. Every other
answer of status 200 is the server's failure, an EngineError with the server's words: an error
object, a refusal, content that a filter cut or a parser removed. Counts that are not counts are
unknown, so 0.

Not here: errors with another status (`pipeline.generation.endpoint`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pipeline.agent.driver import ContextFull, EngineError
from pipeline.records import Reply

TOO_LONG = re.compile(r"context[ _](length|window|size)|maximum model length", re.IGNORECASE)
LENGTH = {"length", "max_tokens", "model_length", "max_output_tokens"}  # the reply was cut
# finish reasons of a reply that the server ended, not the model
SERVERS = {
    *("content_filter", "safety", "recitation", "refusal", "blocklist", "prohibited_content"),
    *("error", "abort", "aborted", "cancelled", "canceled", "timeout"),
    "insufficient_system_resource",
}
REASONING = {"thinking", "redacted_thinking", "reasoning"}  # parts that are not the reply
WORDS = 300  # characters of a server's words that are kept
MOST_TOKENS = 2**31  # a larger count is no count


def read_completion(body: bytes | str) -> tuple[Reply, int]:
    """The first reply of a completion, and its number of prompt tokens (0: unknown).

    Raises ContextFull if the server says that the conversation is too long, else EngineError.
    """
    completion = _object(body)
    _refuse_error(completion)
    choices = completion.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise EngineError(f"the server answered without a reply: {words(completion)}")
    text, finish = _text_and_finish(choices[0])
    prompt, written, cached = _counts(completion.get("usage"))
    return Reply(text, (), finish, cached, written), prompt


def words(value: object) -> str:
    """What a server says, on one line of at most WORDS characters."""
    if isinstance(value, Mapping):
        for key in ("message", "error", "detail", "msg", "reason"):
            if value.get(key):
                return words(value[key])
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    line = " ".join(_unicode(text[: 4 * WORDS]).split())
    return (line if len(line) <= WORDS else f"{line[: WORDS - 4]} ...") or "no reason"


def _object(body: bytes | str) -> dict[str, Any]:
    text = body.decode("utf-8-sig", "replace") if isinstance(body, bytes) else body
    try:
        completion = json.loads(text)
    except (ValueError, RecursionError):
        raise EngineError(f"the server answered without JSON: {words(text)}") from None
    if not isinstance(completion, dict):
        raise EngineError(f"the server answered without a reply: {words(completion)}")
    return completion


def _refuse_error(found: Mapping[str, Any]) -> None:
    """Raise the error that an answer holds instead of a reply, or beside it."""
    error = found.get("error")
    if not error and found.get("object") == "error":
        error = found
    if not error:
        return
    code = error.get("code") if isinstance(error, dict) else None
    if TOO_LONG.search(f"{code} {words(error)}"):
        raise ContextFull
    with_code = f" ({code})" if isinstance(code, int | str) and str(code) else ""
    raise EngineError(f"the server answered with an error{with_code}: {words(error)}")


def _text_and_finish(choice: Mapping[str, Any]) -> tuple[str, Any]:
    _refuse_error(choice)
    message, finish = choice.get("message"), choice.get("finish_reason")
    if not isinstance(message, dict):
        raise EngineError(f"the server answered without a message: {words(dict(choice))}")
    if refusal := message.get("refusal"):
        raise EngineError(f"the server refused to answer: {words(refusal)}")
    finish = finish.lower() if isinstance(finish, str) else None
    if finish in SERVERS:
        raise EngineError(f"the server ended the reply, finish_reason {finish}")
    if message.get("tool_calls") or message.get("function_call"):
        raise EngineError(
            "the server took calls out of the reply's text (tool_calls); turn off its tool parser"
        )
    content = message.get("content")
    text = None if content is None or content == [] else _text(content)
    if text is None:
        text = _without_content(message, finish)
    return _unicode(text), "length" if finish in LENGTH else "stop"


def _without_content(message: Mapping[str, Any], finish: str | None) -> str:
    """The text of a reply without content: empty if the model ended it, else the server's doing."""
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if not reasoning and finish not in LENGTH:
        return ""
    what = "only reasoning" if reasoning else "no content"
    raise EngineError(
        f"the server returned {what}, finish_reason {finish}; a larger agent.reply_tokens, or a "
        "server without a reasoning parser, may help"
    )


def _text(content: object) -> str | None:
    """The text of `content`; None if its parts are reasoning only."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [_part(part) for part in parts if not _is_reasoning(part)]
    return "".join(texts) if texts else None


def _is_reasoning(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") in REASONING


def _part(part: object) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict):
        if part.get("refusal"):
            raise EngineError(f"the server refused to answer: {words(part['refusal'])}")
        text = part.get("text")
        text = text.get("value") if isinstance(text, dict) else text
        if isinstance(text, str) and part.get("type") in (None, "text", "output_text"):
            return text
    raise EngineError(f"the server returned content that is not text: {words(part)}")


def _counts(usage: object) -> tuple[int, int, int]:
    """Tokens of the prompt, of the reply, and of the prompt those from the cache; 0: unknown."""
    if not isinstance(usage, dict):
        return 0, 0, 0
    prompt, written = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return prompt, written, min(cached, prompt)


def _count(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value < MOST_TOKENS and value == int(value) else 0


def _unicode(text: str) -> str:
    """`text` with half characters replaced, which no file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

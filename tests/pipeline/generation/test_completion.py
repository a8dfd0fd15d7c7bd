"""Chat completions as servers write them: read, or an error with the server's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.agent.driver import ContextFull, EngineError
from pipeline.generation.completion import WORDS, read_completion, words
from pipeline.records import Reply


def answer(content: Any = None, finish: Any = "stop", **message: Any) -> dict[str, Any]:
    """A completion whose message has this content and further keys."""
    choice = {"message": {"role": "assistant", "content": content, **message}}
    return {"choices": [choice | {"finish_reason": finish}]}


def read(completion: Any) -> tuple[Reply, int]:
    return read_completion(json.dumps(completion).encode())


def text(value: str, **keys: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **keys}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("add(a=1, b=2)", "add(a=1, b=2)"),
        ("", ""),
        (None, ""),  # the model ended its turn at once
        ([], ""),
        ([text("add(a=1, "), text("b=2)")], "add(a=1, b=2)"),
        (["add(a=1, ", "b=2)"], "add(a=1, b=2)"),
        ([text("add(a=1, b=2)", annotations=[])], "add(a=1, b=2)"),
        ([{"text": "add(a=1, b=2)"}], "add(a=1, b=2)"),
        ([{"type": "output_text", "text": "x"}], "x"),
        (text("add(a=1, b=2)"), "add(a=1, b=2)"),
        ([{"type": "text", "text": {"value": "x", "annotations": []}}], "x"),
        ([{"type": "thinking", "thinking": "hm"}, text("x")], "x"),
        ("an emoji: \ud83d\ude00", "an emoji: 😀"),
        ("half of one: \ud83d", "half of one: \ufffd"),
    ],
)
def test_content_with_one_meaning_is_read(content: Any, expected: str) -> None:
    reply, prompt = read(answer(content))
    assert (reply.text, reply.finish_reason, reply.tokens, prompt) == (expected, "stop", 0, 0)
    reply.text.encode()


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("length", "length"),
        ("LENGTH", "length"),
        ("max_tokens", "length"),
        ("stop", "stop"),
        (None, "stop"),
        ("eos_token", "stop"),
        ({"type": "stop"}, "stop"),
    ],
)
def test_the_reason_of_the_end_is_read(finish: Any, expected: str) -> None:
    assert read(answer("x", finish))[0].finish_reason == expected


@pytest.mark.parametrize(
    ("completion", "message"),
    [
        ({"error": {"message": "overloaded", "code": 503}}, "an error (503): overloaded"),
        ({"error": "overloaded"}, "an error: overloaded"),
        ({"error": {"type": "x"}}, 'an error: {"type": "x"}'),
        (answer("x") | {"error": {"message": "no more"}}, "an error: no more"),
        ({"object": "error", "message": "bad seed", "code": 400}, "an error (400): bad seed"),
        (
            {"choices": [{"error": {"message": "upstream"}, "message": {"content": ""}}]},
            "an error: upstream",
        ),
        ({"detail": [{"msg": "bad"}]}, 'without a reply: [{"msg": "bad"}]'),
        ({"choices": []}, 'without a reply: {"choices": []}'),
        ({"choices": None}, 'without a reply: {"choices": null}'),
        ({"choices": ["x"]}, 'without a reply: {"choices": ["x"]}'),
        ([], "without a reply: []"),
        (None, "without a reply: null"),
        ({"choices": [{"text": "x"}]}, 'without a message: {"text": "x"}'),
    ],
)
def test_an_answer_without_a_reply_is_the_servers_failure(completion: Any, message: str) -> None:
    with pytest.raises(EngineError) as raised:
        read(completion)
    assert str(raised.value).startswith("the server answered with")
    assert str(raised.value).endswith(message)


@pytest.mark.parametrize(
    ("completion", "message"),
    [
        (answer(refusal="I cannot help"), "refused to answer: I cannot help"),
        (answer([{"type": "refusal", "refusal": "No."}]), "refused to answer: No."),
        (answer(None, "content_filter"), "ended the reply, finish_reason content_filter"),
        (answer("half", "content_filter"), "ended the reply, finish_reason content_filter"),
        (answer("half", "ERROR"), "ended the reply, finish_reason error"),
        (answer("half", "abort"), "ended the reply, finish_reason abort"),
        (answer(None, "tool_calls", tool_calls=[{"id": "1"}]), "took calls out of the reply"),
        (answer("", function_call={"name": "add"}), "took calls out of the reply"),
        (answer(None, "length"), "returned no content, finish_reason length"),
        (answer(None, reasoning_content="so"), "returned only reasoning, finish_reason stop"),
        (answer(None, "length", reasoning="so"), "returned only reasoning, finish_reason length"),
        (answer([{"type": "image_url"}]), 'content that is not text: {"type": "image_url"}'),
        (answer([text("x"), {"type": "image", "text": "y"}]), "content that is not text: "),
        (answer(7), "content that is not text: 7"),
        (answer(True), "content that is not text: true"),
        (answer([None]), "content that is not text: null"),
    ],
)
def test_a_reply_that_the_server_took_away_says_so(completion: Any, message: str) -> None:
    with pytest.raises(EngineError) as raised:
        read(completion)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "body", ["", "<html>busy</html>", "data: {}", '{"choices": [', "[" * 10**5]
)
def test_an_answer_that_is_no_json_quotes_it(body: str) -> None:
    with pytest.raises(EngineError) as raised:
        read_completion(body.encode())
    assert str(raised.value) == f"the server answered without JSON: {words(body)}"


def test_an_error_object_about_a_long_conversation_is_a_full_context() -> None:
    with pytest.raises(ContextFull):
        read({"error": {"message": "maximum model length is 1024"}})
    with pytest.raises(ContextFull):
        read({"error": {"message": "too much", "code": "context_length_exceeded"}})


def usage(prompt: Any, written: Any, details: Any = None) -> dict[str, Any]:
    counts = {"prompt_tokens": prompt, "completion_tokens": written}
    return counts | {"prompt_tokens_details": details}


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (usage(9, 4, {"cached_tokens": 8}), (9, 4, 8)),
        (usage("9", 4.0), (9, 4, 0)),
        (usage(9, 4, {"cached_tokens": 12}), (9, 4, 9)),  # not more than the prompt
        *((usage(9, 4, odd), (9, 4, 0)) for odd in ([], [8], 8, "8", {}, {"cached_tokens": None})),
        *((usage(9, 4, {"cached_tokens": odd}), (9, 4, 0)) for odd in ([], {}, "x", -1, True)),
        *((usage(odd, 4), (0, 4, 0)) for odd in (None, "", "nine", [], {}, -9, 9.5, 10**400)),
        (usage(float("nan"), float("inf")), (0, 0, 0)),
        *((odd, (0, 0, 0)) for odd in (None, {}, [], "none", 7, {"total_tokens": 13})),
    ],
)
def test_counts_that_are_no_counts_are_unknown(found: Any, counts: tuple[int, int, int]) -> None:
    reply, prompt = read(answer("x") | {"usage": found})
    assert (prompt, reply.tokens, reply.cached_tokens) == counts


def test_words_are_one_short_line_of_text() -> None:
    assert words({"error": {"message": "a\n  b"}}) == "a b"
    assert words({}) == "{}"
    assert words("\n") == "no reason"
    assert len(words("x" * 10_000)) == WORDS
    assert words("\ud83d") == "\ufffd"

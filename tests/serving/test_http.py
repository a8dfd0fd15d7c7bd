"""The routes except solve: chat completions, models, toolsets, functions, health, and errors."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pipeline.agent.driver import EngineError
from serving.chat import MAX_CHOICES
from serving.http import Unavailable
from tests.pipeline.agent.scripted import ARITHMETIC, ScriptedEngine, TextTokenizer
from tests.serving.scripted import (
    MODEL,
    ScriptedChat,
    ask,
    ask_async,
    error_message,
    leave_after_the_first_chunk,
    service,
)
from toolsets import Executor, ToolCall, ToolResult

ADD = "/v1/functions/arithmetic/add"
CHAT = "/v1/chat/completions"
IMAGE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://head"}}]}
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
STREAM = ['data: {"n": 1}\n\n', 'data: {"n": 2}\n\n', "data: [DONE]\n\n"]


@pytest.fixture
def engine(tokenizer: TextTokenizer) -> ScriptedEngine:
    """An engine that the routes tested here never call."""
    return ScriptedEngine(tokenizer, {})


def test_a_chat_completion_request_is_passed_on_whole(engine: ScriptedEngine) -> None:
    chat = ScriptedChat([(200, '{"object":  "chat.completion"}')])
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    body = HELLO | {"tools": tools, "tool_choice": "auto", "top_k": 5, "user": "é", "n": None}
    answer = ask(service(engine, chat=chat), "POST", CHAT, json=body)
    assert (answer.status_code, answer.text) == (200, '{"object":  "chat.completion"}')
    assert answer.headers["content-type"] == "application/json"
    assert chat.requests == [body]


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_of_the_model_is_passed_on(engine: ScriptedEngine, stream: bool) -> None:
    chat = ScriptedChat([(400, '{"error": {"message": "too long"}}')])
    answer = ask(service(engine, chat=chat), "POST", CHAT, json=HELLO | {"stream": stream})
    assert (answer.status_code, answer.json()) == (400, {"error": {"message": "too long"}})
    assert answer.headers["content-type"] == "application/json"


def test_a_streamed_chat_completion_is_passed_on_in_order(engine: ScriptedEngine) -> None:
    chat = ScriptedChat([(200, text) for text in STREAM])
    answer = ask(service(engine, chat=chat), "POST", CHAT, json=HELLO | {"stream": True})
    assert (answer.status_code, answer.text) == (200, "".join(STREAM))
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("stream", [True, False])
def test_an_answered_chat_completion_is_closed(engine: ScriptedEngine, stream: bool) -> None:
    chat = ScriptedChat([(200, STREAM[0])])

    async def complete() -> None:
        await ask_async(service(engine, chat=chat), "POST", CHAT, json=HELLO | {"stream": stream})
        assert chat.closed

    asyncio.run(complete())


def test_a_stream_whose_student_dies_ends_with_an_error(engine: ScriptedEngine) -> None:
    chat = ScriptedChat([(200, STREAM[0])], fails=Unavailable("the student: gone"))
    answer = ask(service(engine, chat=chat), "POST", CHAT, json=HELLO | {"stream": True})
    assert answer.text.startswith(STREAM[0] + 'data: {"error": {"message": "not available now: the')
    assert "[DONE]" not in answer.text


@pytest.mark.parametrize("sending", [True, False])
def test_a_client_that_leaves_ends_its_chat_completion(
    engine: ScriptedEngine, sending: bool
) -> None:
    chat = ScriptedChat([(200, text) for text in STREAM[:2]], hangs=True)
    body = HELLO | {"stream": True}

    async def leave() -> list[bytes]:
        chunks = await leave_after_the_first_chunk(service(engine, chat=chat), CHAT, body, sending)
        assert chat.closed
        return chunks

    assert asyncio.run(leave()) == [STREAM[0].encode()]


def test_a_chat_without_a_student_returns_503_with_retry_after(engine: ScriptedEngine) -> None:
    chat = ScriptedChat([], fails=Unavailable("the student: no replica"))
    answer = ask(service(engine, chat=chat), "POST", CHAT, json=HELLO)
    assert error_message(answer, 503) == "not available now: the student: no replica"
    assert int(answer.headers["retry-after"]) > 0


def test_an_unknown_model_is_refused_naming_the_known_one(engine: ScriptedEngine) -> None:
    chat = ScriptedChat()
    answer = ask(service(engine, chat=chat), "POST", CHAT, json=HELLO | {"model": "gpt-5"})
    assert error_message(answer, 404) == f"model 'gpt-5' is not served here; known: {MODEL}"
    assert chat.requests == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": None}, "model: input should be a valid string"),
        ({"model": ["a"]}, "model: input should be a valid string"),
        ({"messages": []}, "messages: list should have at least 1 item"),
        ({"messages": "Hello"}, "messages: input should be a valid list"),
        ({"messages": ["Hello"]}, "messages.0: input should be a valid dictionary"),
        ({"use_beam_search": True}, "the body: use_beam_search is not supported"),
        (
            {"structured_outputs": {"regex": "(a|b)*"}},
            "the body: structured_outputs is not",
        ),
        ({"messages": [IMAGE]}, "the body: messages.0.content: only text is supported"),
        ({"n": 0}, "n: input should be greater than or equal to 1"),
        ({"n": MAX_CHOICES + 1}, "n: input should be less than or equal to"),
    ],
)
def test_an_invalid_chat_request_is_refused_naming_the_field(
    engine: ScriptedEngine, change: dict[str, Any], sentence: str
) -> None:
    chat = ScriptedChat()
    answer = ask(service(engine, chat=chat), "POST", CHAT, json=HELLO | change)
    assert error_message(answer, 400).startswith(sentence)
    assert chat.requests == []


def test_the_model_is_listed(engine: ScriptedEngine) -> None:
    listed = ask(service(engine, started=1700000000), "GET", "/v1/models").json()
    model = {"id": MODEL, "object": "model", "created": 1700000000, "owned_by": "apprentice"}
    assert listed == {"object": "list", "data": [model]}


def test_functions_are_listed_with_their_schemas(engine: ScriptedEngine) -> None:
    listed = ask(service(engine), "GET", "/v1/toolsets").json()
    (arithmetic,) = listed["data"]
    assert (listed["object"], arithmetic["name"]) == ("list", "arithmetic")
    add = arithmetic["functions"][0]
    assert (add["name"], add["parameters"]["required"]) == ("add", ["a", "b"])
    assert "Add two numbers." in add["description"]
    names = [function["name"] for function in arithmetic["functions"]]
    assert names == list(ARITHMETIC.tool_names)  # without the agent's own functions, such as answer


def test_a_function_is_called(engine: ScriptedEngine) -> None:
    with Executor(ARITHMETIC, workers=1) as executor:
        answer = ask(service(engine, executor), "POST", ADD, json={"a": 2, "b": "1/2"})
    assert answer.status_code == 200
    assert answer.json() == {"ok": True, "content": "2.5", "error_kind": None}


def test_an_error_of_a_function_is_returned_as_data(engine: ScriptedEngine) -> None:
    path = "/v1/functions/arithmetic/divide"
    answer = ask(service(engine), "POST", path, json={"a": 1, "b": 0})
    content = "divide: b must not be 0"
    assert answer.status_code == 200
    assert answer.json() == {"ok": False, "content": content, "error_kind": "function_error"}


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        (ADD, {"a": 2}, 400, "add: argument b is missing. Use: add(a: number, b: number)"),
        (ADD, {"a": 2, "b": 3, "c": 4}, 400, "there is no argument c"),
        (ADD, {"a": 2, "b": "three"}, 400, "got 'three'"),
        (ADD, {"a": 2, "b": "\ud800"}, 400, r"got '\ud800'"),
        (ADD, [2, 3], 400, "the body: input should be a valid dictionary"),
        ("/v1/functions/arithmetic/ad", {}, 404, "There is no function ad. Did you mean add?"),
        ("/v1/functions/arithmetic/answer", {}, 404, "There is no function answer."),
        ("/v1/functions/logic/add", {}, 404, "'logic' is not served here; known: arithmetic"),
    ],
)
def test_an_invalid_call_is_refused(
    engine: ScriptedEngine, path: str, body: Any, status: int, sentence: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = ask(service(engine), "POST", path, content=json.dumps(body), headers=headers)
    assert sentence in error_message(answer, status)


def test_a_call_without_an_executor_returns_503_with_retry_after(engine: ScriptedEngine) -> None:
    class UnavailableRunner:
        async def submit(self, call: ToolCall) -> ToolResult:
            raise EngineError("the functions: no replica")

    answer = ask(service(engine, UnavailableRunner()), "POST", ADD, json={"a": 1, "b": 2})
    assert error_message(answer, 503) == "not available now: the functions: no replica"
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("path", [CHAT, "/v1/solve", ADD])
@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b'{"model": ', "application/json", "the body is not JSON: Expecting value"),
        (b"", "application/json", "the body: field required"),
        (b"[1]", "application/json", "the body: input should be a valid dictionary"),
        (b'"\xff"', "application/json", "the body"),
        (b"[" * 100_000, "application/json", "the body"),
        (b'{"problem": "x"}', "application/x-www-form-urlencoded", "application/json"),
    ],
)
def test_an_unreadable_body_is_refused_in_one_sentence(
    engine: ScriptedEngine, path: str, content: bytes, kind: str, sentence: str
) -> None:
    headers = {"Content-Type": kind}
    answer = ask(service(engine), "POST", path, content=content, headers=headers)
    assert sentence in error_message(answer, 400)


def test_health_names_the_unavailable_parts(engine: ScriptedEngine) -> None:
    healthy = ask(service(engine), "GET", "/healthz")
    assert (healthy.status_code, healthy.json()) == (200, {"status": "ok"})
    answer = ask(service(engine, unavailable=["the student", "the functions"]), "GET", "/healthz")
    assert error_message(answer, 503) == "not available now: the student, the functions"
    assert "retry-after" in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/metrics", 404),
        ("GET", "/v1/models/", 404),
        ("POST", "/v1/completions", 404),
        ("GET", "/v1/functions/arithmetic/add", 405),
        ("DELETE", "/v1/models", 405),
    ],
)
def test_no_other_route_exists(engine: ScriptedEngine, method: str, path: str, status: int) -> None:
    message = error_message(ask(service(engine), method, path), status)
    assert message == f"there is no route {method} {path}"


def test_a_bug_returns_an_error_of_the_same_shape(engine: ScriptedEngine) -> None:
    class Broken:
        async def submit(self, call: ToolCall) -> ToolResult:
            raise KeyError("a secret")

    answer = ask(service(engine, Broken()), "POST", ADD, json={"a": 1, "b": 2})
    assert "secret" not in error_message(answer, 500)

"""Keys, loopback and body size, checked in front of real routes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from serving.http import Service
from serving.protection import BodyLimit, DropServeHeaders
from tests.pipeline.agent.scripted import ScriptedEngine, TextTokenizer
from tests.serving.scripted import MODEL, ScriptedChat, ask, error_message, service

CHAT = "/v1/chat/completions"
ROUTES = [
    ("POST", CHAT),
    ("GET", "/v1/models"),
    ("POST", "/v1/solve"),
    ("GET", "/v1/toolsets"),
    ("POST", "/v1/functions/arithmetic/add"),
    ("GET", "/nothing"),
]
KEYS = ("first-key", "second-key", "schlüssel-à")
ELSEWHERE = "http://192.0.2.7:8000"
MAX_BYTES = 1024
HEADERS = {"Content-Type": "application/json"}


@pytest.fixture
def locked(tokenizer: TextTokenizer) -> Service:
    """A service with keys."""
    return service(ScriptedEngine(tokenizer, {}), keys=KEYS)


@pytest.fixture
def keyless(tokenizer: TextTokenizer) -> Service:
    """A service without a key, with a limit of MAX_BYTES per body."""
    return service(ScriptedEngine(tokenizer, {}), max_body_bytes=MAX_BYTES)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_needs_a_key(locked: Service, method: str, path: str) -> None:
    answer = ask(locked, method, path)
    assert error_message(answer, 401).endswith("send the header Authorization: Bearer KEY")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer first-key", "Bearer second-key", "bearer first-key", "BEARER  first-key "]
)
def test_every_key_is_accepted(locked: Service, header: str) -> None:
    answer = ask(locked, "GET", "/v1/models", headers={"Authorization": header})
    assert answer.status_code == 200


def test_a_key_may_have_any_characters(locked: Service) -> None:
    headers = {"Authorization": b"Bearer " + KEYS[2].encode()}  # "à" ends in a byte 0xa0
    assert ask(locked, "GET", "/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (b"Bearer third-key", "this bearer key is not one of the service's"),
        (b"Bearer first-ke", "this bearer key is not one of the service's"),
        (b"Bearer first-key,second-key", "this bearer key is not one of the service's"),
        (b"Bearer \xff\xfe", "this bearer key is not one of the service's"),
        (b"Bearer", "a key is needed"),
        (b"Bearer ", "a key is needed"),
        (b"Basic first-key", "a key is needed"),
        (b"first-key", "a key is needed"),
    ],
)
def test_any_other_authorization_is_refused(locked: Service, header: bytes, sentence: str) -> None:
    answer = ask(locked, "GET", "/v1/models", headers={"Authorization": header})
    assert sentence in error_message(answer, 401)


def test_other_machines_are_accepted_with_a_key(locked: Service) -> None:
    headers = {"Authorization": "Bearer first-key", "Host": "models.example.com"}
    assert ask(locked, "GET", "/v1/models", ELSEWHERE, headers=headers).status_code == 200


def test_health_needs_no_key(locked: Service) -> None:
    assert ask(locked, "GET", "/healthz").status_code == 200
    assert ask(locked, "GET", "/healthz", ELSEWHERE).status_code == 200
    assert ask(locked, "GET", "/healthz/").status_code == 401


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"]
)
def test_without_a_key_this_machine_is_accepted(keyless: Service, base_url: str) -> None:
    assert ask(keyless, "GET", "/v1/models", base_url).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/healthz", "/nothing"])
@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        (ELSEWHERE, "192.0.2.7"),
        (ELSEWHERE, "127.0.0.1"),
        ("http://127.0.0.1", "rebound.example.com"),
        ("http://127.0.0.1", "localhost.example.com:8000"),
        ("http://127.0.0.1", "192.0.2.7"),
        ("http://127.0.0.1", ""),
        ("http://127.0.0.1", "[::1"),
    ],
)
def test_without_a_key_everything_else_is_refused(
    keyless: Service, path: str, base_url: str, host: str
) -> None:
    answer = ask(keyless, "GET", path, base_url, headers={"Host": host})
    assert "answers only http://127.0.0.1 and localhost" in error_message(answer, 403)


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize("path", [CHAT, "/v1/solve", "/v1/functions/arithmetic/add"])
def test_a_body_over_the_limit_is_refused(keyless: Service, path: str, with_length: bool) -> None:
    content = json.dumps({"problem": "x" * MAX_BYTES}).encode()
    answer = ask(
        keyless, "POST", path, content=content if with_length else _parts(content), headers=HEADERS
    )
    assert (
        error_message(answer, 413) == "the body is larger than this service's limit of 1,024 bytes"
    )


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize(("size", "status"), [(MAX_BYTES, 200), (MAX_BYTES + 1, 413)])
def test_the_limit_is_exact(
    tokenizer: TextTokenizer, with_length: bool, size: int, status: int
) -> None:
    chat = ScriptedChat()
    limited = service(ScriptedEngine(tokenizer, {}), max_body_bytes=MAX_BYTES, chat=chat)
    body = {"model": MODEL, "messages": [{"role": "user", "content": ""}]}
    content = json.dumps(body).encode().ljust(size)  # JSON may end in spaces
    answer = ask(
        limited, "POST", CHAT, content=content if with_length else _parts(content), headers=HEADERS
    )
    assert answer.status_code == status
    assert chat.requests == ([body] if status == 200 else [])


def test_a_body_is_read_only_up_to_the_limit(keyless: Service) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 256

    error_message(ask(keyless, "POST", "/v1/solve", content=endless(), headers=HEADERS), 413)
    assert read == MAX_BYTES // 256 + 1


def test_headers_that_control_serve_are_dropped() -> None:
    reached: list[tuple[bytes, bytes]] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        reached.extend(scope["headers"])

    headers = [(b"X-Request-Timeout-Seconds", b"0"), (b"accept", b"*/*")]
    scope = {"type": "http", "headers": [*headers, (b"x-request-disconnect-disabled", b"?1")]}
    asyncio.run(DropServeHeaders(inner)(scope, _disconnect, _ignore))
    assert reached == [(b"accept", b"*/*")]


def test_a_client_that_leaves_while_sending_does_not_reach_the_application() -> None:
    messages = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("reached")

    asyncio.run(BodyLimit(inner, 10)({"type": "http", "headers": []}, receive, _ignore))
    assert messages == []


async def _disconnect() -> Message:
    return {"type": "http.disconnect"}


async def _ignore(message: Message) -> None:
    pass


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    """A body in parts, sent without Content-Length."""
    for start in range(0, len(content), 100):
        yield content[start : start + 100]

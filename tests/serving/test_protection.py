"""Who may ask, from where, and how much, in front of real routes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from serving.http import Service
from serving.protection import BodyLimit, WithoutServesOwn
from tests.pipeline.agent.scripted import ScriptedEngine, TextTokenizer
from tests.serving.scripted import MODEL, ScriptedChat, ask, refused, service

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
MOST = 1024
HEADERS = {"Content-Type": "application/json"}


@pytest.fixture
def locked(tokenizer: TextTokenizer) -> Service:
    """A service with keys."""
    return service(ScriptedEngine(tokenizer, {}), keys=KEYS)


@pytest.fixture
def keyless(tokenizer: TextTokenizer) -> Service:
    """A service without a key, which takes bodies of MOST bytes."""
    return service(ScriptedEngine(tokenizer, {}), max_body_bytes=MOST)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_needs_a_key(locked: Service, method: str, path: str) -> None:
    answer = ask(locked, method, path)
    assert refused(answer, 401).endswith("send the header Authorization: Bearer KEY")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer first-key", "Bearer second-key", "bearer first-key", "BEARER  first-key "]
)
def test_each_of_the_keys_is_accepted(locked: Service, header: str) -> None:
    answer = ask(locked, "GET", "/v1/models", headers={"Authorization": header})
    assert answer.status_code == 200


def test_a_key_may_have_any_letters(locked: Service) -> None:
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
def test_anything_else_is_no_key(locked: Service, header: bytes, sentence: str) -> None:
    answer = ask(locked, "GET", "/v1/models", headers={"Authorization": header})
    assert sentence in refused(answer, 401)


def test_with_a_key_other_machines_are_answered(locked: Service) -> None:
    headers = {"Authorization": "Bearer first-key", "Host": "models.example.com"}
    assert ask(locked, "GET", "/v1/models", ELSEWHERE, headers=headers).status_code == 200


def test_health_needs_no_key(locked: Service) -> None:
    assert ask(locked, "GET", "/healthz").status_code == 200
    assert ask(locked, "GET", "/healthz", ELSEWHERE).status_code == 200
    assert ask(locked, "GET", "/healthz/").status_code == 401


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"]
)
def test_without_a_key_this_machine_is_answered(keyless: Service, base_url: str) -> None:
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
def test_without_a_key_nothing_else_is_answered(
    keyless: Service, path: str, base_url: str, host: str
) -> None:
    answer = ask(keyless, "GET", path, base_url, headers={"Host": host})
    assert "answers only http://127.0.0.1 and localhost" in refused(answer, 403)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", [CHAT, "/v1/solve", "/v1/functions/arithmetic/add"])
def test_a_body_over_the_limit_is_refused(keyless: Service, path: str, announced: bool) -> None:
    content = json.dumps({"problem": "x" * MOST}).encode()
    answer = ask(
        keyless, "POST", path, content=content if announced else _parts(content), headers=HEADERS
    )
    assert refused(answer, 413) == "the body is larger than this service's limit of 1,024 bytes"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("size", "status"), [(MOST, 200), (MOST + 1, 413)])
def test_the_limit_is_exact(
    tokenizer: TextTokenizer, announced: bool, size: int, status: int
) -> None:
    chat = ScriptedChat()
    limited = service(ScriptedEngine(tokenizer, {}), max_body_bytes=MOST, chat=chat)
    body = {"model": MODEL, "messages": [{"role": "user", "content": ""}]}
    content = json.dumps(body).encode().ljust(size)  # JSON may end in spaces
    answer = ask(
        limited, "POST", CHAT, content=content if announced else _parts(content), headers=HEADERS
    )
    assert answer.status_code == status
    assert chat.requests == ([body] if status == 200 else [])


def test_a_body_is_read_no_further_than_the_limit(keyless: Service) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 256

    refused(ask(keyless, "POST", "/v1/solve", content=endless(), headers=HEADERS), 413)
    assert read == MOST // 256 + 1


def test_serve_s_own_headers_do_not_reach_it() -> None:
    reached: list[tuple[bytes, bytes]] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        reached.extend(scope["headers"])

    headers = [(b"X-Request-Timeout-Seconds", b"0"), (b"accept", b"*/*")]
    scope = {"type": "http", "headers": [*headers, (b"x-request-disconnect-disabled", b"?1")]}
    asyncio.run(WithoutServesOwn(inner)(scope, _silence, _ignore))
    assert reached == [(b"accept", b"*/*")]


def test_a_client_that_leaves_while_it_sends_reaches_nothing() -> None:
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


async def _silence() -> Message:
    return {"type": "http.disconnect"}


async def _ignore(message: Message) -> None:
    pass


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    """A body in parts, whose length is not announced."""
    for start in range(0, len(content), 100):
        yield content[start : start + 100]

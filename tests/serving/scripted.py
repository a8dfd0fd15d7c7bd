"""A service without Serve: its routes over a scripted engine and scripted answers, and a client.

Not here: a real service (`tests.serving.running`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import Message, Scope

from pipeline.agent.driver import Limits, Runner
from serving.http import Service, http_app
from tests.pipeline.agent.scripted import ARITHMETIC, ScriptedEngine, rollout

LOCAL_URL = "http://127.0.0.1"  # ASGITransport passes this on as the server's address
MODEL = "apprentice-small"
LIMITS = Limits(max_steps=8, reply_tokens=64)


@dataclass
class ScriptedChat:
    """Yields `answers` to every request; then raises `fails` or hangs, if set.

    It keeps its generators referenced, so that only `aclose` closes them.
    """

    answers: Sequence[tuple[int, str]] = ((200, '{"object": "chat.completion"}'),)
    fails: Exception | None = None  # raised after the answers
    hangs: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    returned: list[AsyncGenerator[tuple[int, str]]] = field(default_factory=list)
    closed: bool = False

    def __call__(self, body: dict[str, Any]) -> AsyncGenerator[tuple[int, str]]:
        self.requests.append(body)
        self.returned.append(self._answer())
        return self.returned[-1]

    async def _answer(self) -> AsyncGenerator[tuple[int, str]]:
        try:
            for answer in self.answers:
                yield answer
            if self.fails:
                raise self.fails
            if self.hangs:
                await asyncio.Event().wait()
        finally:
            self.closed = True


def service(
    engine: ScriptedEngine,
    runner: Runner | None = None,
    limits: Limits = LIMITS,
    unavailable: Sequence[str] = (),
    **changes: Any,
) -> Service:
    """A service of the model MODEL over `engine` and the arithmetic functions."""

    async def health() -> Sequence[str]:
        return unavailable

    parts: dict[str, Any] = {"toolsets": {"arithmetic": ARITHMETIC}, "chat": ScriptedChat()}
    scripted = rollout(engine, runner, limits)
    return Service(name=MODEL, rollout=scripted, health=health, **parts | changes)


def ask(
    service: Service, method: str, path: str, base_url: str = LOCAL_URL, **request: Any
) -> httpx.Response:
    """The answer to one request of a client on this machine."""
    return asyncio.run(asyncio.wait_for(ask_async(service, method, path, base_url, **request), 60))


async def ask_async(
    service: Service, method: str, path: str, base_url: str = LOCAL_URL, **request: Any
) -> httpx.Response:
    """`ask` in a running event loop."""
    transport = httpx.ASGITransport(http_app(service), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
        return await client.request(method, path, **request)


def error_message(answer: httpx.Response, status: int) -> str:
    """The message of an error response; checks its status and the shape of OpenAI's errors."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert set(answer.json()) == {"error"}
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["param"], error["code"]) == (None, status)
    assert error["type"]
    assert "\n" not in error["message"]
    return error["message"]


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The server-sent events of a stream: pairs of name and data."""
    parsed = []
    for event in text.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        parsed.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return parsed


async def leave_after_the_first_chunk(
    service: Service, path: str, body: Mapping[str, Any], sending: bool
) -> list[bytes]:
    """Send a request whose client leaves, as Serve reports it; returns the chunks sent before.

    The client leaves while the first chunk is being sent (`sending`), or while the application
    waits for the next one.
    """
    chunks: list[bytes] = []
    left = asyncio.Event()
    request = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive() -> Message:
        if request:
            return request.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message.get("body") and not left.is_set():
            chunks.append(message["body"])
            left.set()
            if sending:
                await asyncio.Event().wait()

    headers = {"host": "127.0.0.1", "content-type": "application/json"}
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},  # uvicorn's, which Serve passes on
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 40000),
    }
    await asyncio.wait_for(http_app(service)(scope, receive, send), 10)
    await asyncio.sleep(0.01)  # for cancelled tasks to end
    return chunks

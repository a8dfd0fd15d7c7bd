"""A small OpenAI-compatible server on loopback that answers as a test defines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Mapping[str, Any], Mapping[str, str]]  # status, JSON, headers


@dataclass(frozen=True, slots=True)
class Request:
    """A completion request: body, Authorization header, arrival time in seconds."""

    body: Mapping[str, Any]
    authorization: str | None
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its base URL and the completion requests so far."""

    url: str
    requests: list[Request]


def completion(text: str, prompt_tokens: int = 0, written: int = 0, cached: int = 0) -> Answer:
    """A successful completion."""
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": written,
        "total_tokens": prompt_tokens + written,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    header = {"id": "1", "object": "chat.completion", "created": 1, "model": "large"}
    return 200, header | {"choices": [choice], "usage": usage}, {}


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error in OpenAI's form."""
    return status, {"error": {"message": message, "code": status}}, headers or {}


@contextmanager
def serving(answer: Callable[[Mapping[str, Any]], Answer], models: int = 404) -> Iterator[Server]:
    """Run a server that answers completion requests with `answer` of their bodies, and requests for
    its models with the status `models`."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(refusal(models, "no models here"))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append(Request(body, self.headers["Authorization"]))
            self._send(answer(body))

        def _send(self, answer: Answer) -> None:
            status, content, headers = answer
            data = json.dumps(content).encode()
            self.send_response(status)
            sent = {"Content-Type": "application/json", "Content-Length": str(len(data))}
            for name, value in (sent | dict(headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Write no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Server(f"http://127.0.0.1:{server.server_port}/v1", requests)
        finally:
            server.shutdown()
            thread.join()

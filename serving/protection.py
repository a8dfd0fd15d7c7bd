"""ASGI middleware that checks bearer keys, the client's machine and the size of the body.

    with a key               every route except /healthz requires `Authorization: Bearer KEY`
    without a key            only requests over loopback, to a loopback name, are accepted
    a body over the limit    413, with or without Content-Length

The middleware runs twice: around the routes, and in Serve's proxy (`at_the_proxy`). Without the
latter, bodies of clients without a key would take memory and queue slots until an ingress replica
refuses them.

Not here: queue limits (`serving.app`).
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.spec import KEY_FILE_VARIABLE, LOOPBACK, MAX_BODY_VARIABLE, load_keys

OPEN_PATHS = ("/healthz", "/-/healthz")  # an orchestrator's probes have no key
# With these a client could disable Serve's timeout and its cancelling after a disconnect.
SERVE_HEADERS = (b"x-request-timeout-seconds", b"x-request-disconnect-disabled")


def at_the_proxy() -> list[Middleware]:
    """Middleware of Serve's proxy, for RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH.

    Keys and limit come from the environment of the node's `ray start`. Raises CannotStart for a
    file without keys.
    """
    max_bytes = int(os.environ.get(MAX_BODY_VARIABLE, 2**20))
    keys = load_keys(os.environ.get(KEY_FILE_VARIABLE))
    return [  # the last one runs first
        Middleware(DropServeHeaders),
        Middleware(BodyLimit, max_bytes=max_bytes),
        Middleware(Keys, keys=keys),
    ]


def error_json(status: int, message: str, kind: str) -> dict[str, Any]:
    """The body of an error response, in the shape of OpenAI's errors."""
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def refusal(status: int, message: str, kind: str, **headers: str) -> JSONResponse:
    """An error response, in the shape of OpenAI's errors."""
    return JSONResponse(error_json(status, message, kind), status, headers)


class Keys:
    """Refuses requests without a valid key; if no key is configured, all but local requests."""

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refusal(scope) if scope["type"] == "http" else None
        await (refused or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if not self._keys:
            return None if _is_local(scope, headers) else _loopback_only()
        if scope["path"] in OPEN_PATHS:
            return None
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return _unauthorised("a key is needed: send the header Authorization: Bearer KEY")
        sent = key.encode("latin-1").strip()  # the bytes on the wire
        if not any(hmac.compare_digest(sent, known) for known in self._keys):
            return _unauthorised("this bearer key is not one of the service's")
        return None


class BodyLimit:
    """Reads the whole body first, and refuses one of more than `max_bytes` bytes."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        message = f"the body is larger than this service's limit of {max_bytes:,} bytes"
        self._refusal = refusal(413, message, "invalid_request_error")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > self._max_bytes:
            return await self._refusal(scope, receive, send)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":  # the client left
                return None
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                return await self._refusal(scope, receive, send)
            if not message.get("more_body"):
                break
        await self._app(scope, _replayed(bytes(body), receive), send)


class DropServeHeaders:
    """Drops the request headers that control Serve and that clients must not set."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            pair for pair in scope.get("headers", ()) if pair[0].lower() not in SERVE_HEADERS
        ]
        await self._app({**scope, "headers": headers}, receive, send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that returns the body already read, then what `receive` returns."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return first.pop() if first else await receive()

    return next_message


def _is_local(scope: Scope, headers: Headers) -> bool:
    """Whether the request came over loopback and names a loopback host.

    The Host header is checked against DNS rebinding: a web page open in a local browser could send
    requests under its own name.
    """
    server = scope.get("server")
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:  # such as an IPv6 address without its closing bracket
        return False
    return server is not None and server[0] in LOOPBACK and name in LOOPBACK


def _loopback_only() -> JSONResponse:
    message = (
        "this service has no key, so it answers only http://127.0.0.1 and localhost on its own "
        "machine"
    )
    return refusal(403, message, "permission_error")


def _unauthorised(message: str) -> JSONResponse:
    challenge = {"WWW-Authenticate": "Bearer"}
    return refusal(401, message, "authentication_error", **challenge)

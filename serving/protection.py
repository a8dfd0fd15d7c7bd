"""Who may ask, from where, and how much: ASGI middleware around the routes.

    a key is configured      every route but /healthz needs `Authorization: Bearer KEY`
    no key is configured     only this machine is answered, under a loopback name
    a body over the limit    413, whether its length was announced or not

They stand twice: around the routes, and, through `at_the_proxy`, in Serve's proxy, which else would
keep what strangers send in memory and in the queue until an ingress replica looks at it.

Not here: queues (Serve's own, in `serving.app`), limits on tokens and steps.
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

from serving.spec import KEY_FILE_VARIABLE, LOOPBACK, MOST_VARIABLE, keys_of

OPEN_PATHS = ("/healthz", "/-/healthz")  # probes of an orchestrator carry no key
# With these a client of Serve lifts the limit of time and the cancelling of what it asked for.
FOR_SERVE = (b"x-request-timeout-seconds", b"x-request-disconnect-disabled")


def at_the_proxy() -> list[Middleware]:
    """What guards Serve's proxy: its RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH.

    Keys and the limit come from the environment in which the node's Ray was started. Raises
    CannotStart for a file without keys.
    """
    most = int(os.environ.get(MOST_VARIABLE, 2**20))
    keys = keys_of(os.environ.get(KEY_FILE_VARIABLE))
    return [  # the last is asked first
        Middleware(WithoutServesOwn),
        Middleware(BodyLimit, most=most),
        Middleware(Keys, keys=keys),
    ]


def error_json(status: int, message: str, kind: str) -> dict[str, Any]:
    """A refusal in the shape of OpenAI's errors."""
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def refusal(status: int, message: str, kind: str, **headers: str) -> JSONResponse:
    """An answer that refuses, in the shape of OpenAI's errors."""
    return JSONResponse(error_json(status, message, kind), status, headers)


class Keys:
    """Lets through who may ask."""

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refusal(scope) if scope["type"] == "http" else None
        await (refused or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if not self._keys:
            return None if _is_local(scope, headers) else _only_here()
        if scope["path"] in OPEN_PATHS:
            return None
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return _unauthorised("a key is needed: send the header Authorization: Bearer KEY")
        given = key.encode("latin-1").strip()  # the bytes that were sent
        if not any(hmac.compare_digest(given, known) for known in self._keys):
            return _unauthorised("this bearer key is not one of the service's")
        return None


class BodyLimit:
    """Reads the body before anybody else does, and refuses one of more than `most` bytes."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        message = f"the body is larger than this service's limit of {most:,} bytes"
        self._refusal = refusal(413, message, "invalid_request_error")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._most:
            return await self._refusal(scope, receive, send)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":  # the client went away
                return None
            body += message.get("body", b"")
            if len(body) > self._most:
                return await self._refusal(scope, receive, send)
            if not message.get("more_body"):
                break
        await self._app(scope, _after(bytes(body), receive), send)


class WithoutServesOwn:
    """Drops the headers that are for an operator of Serve and not for clients."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = [pair for pair in scope.get("headers", ()) if pair[0].lower() not in FOR_SERVE]
        await self._app({**scope, "headers": kept}, receive, send)


def _after(body: bytes, receive: Receive) -> Receive:
    """`receive` with the whole body in front, which was read from it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return first.pop() if first else await receive()

    return next_message


def _is_local(scope: Scope, headers: Headers) -> bool:
    """Whether the request came in through loopback and under a name of it.

    The name is checked because a page in a browser here may be made to ask under its own.
    """
    server = scope.get("server")
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:  # of half an IPv6 address
        return False
    return server is not None and server[0] in LOOPBACK and name in LOOPBACK


def _only_here() -> JSONResponse:
    message = (
        "this service has no key, so it answers only http://127.0.0.1 and localhost on its own "
        "machine"
    )
    return refusal(403, message, "permission_error")


def _unauthorised(message: str) -> JSONResponse:
    challenge = {"WWW-Authenticate": "Bearer"}
    return refusal(401, message, "authentication_error", **challenge)

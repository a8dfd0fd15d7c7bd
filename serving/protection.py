"""Who may ask, from where, and how much: ASGI middleware around the routes.

    a key is configured      every route but /healthz needs `Authorization: Bearer KEY`
    no key is configured     only this machine is answered, under a loopback name
    a body over the limit    413, whether its length was announced or not

Not here: queues (Serve's own, in `serving.app`), limits on tokens and steps.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.spec import LOOPBACK

OPEN_PATH = "/healthz"  # probes of an orchestrator carry no key


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
        if scope["path"] == OPEN_PATH:
            return None
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return _unauthorised("a key is needed: send the header Authorization: Bearer KEY")
        given = key.encode("latin-1").strip()  # the bytes that were sent
        if not any(hmac.compare_digest(given, known) for known in self._keys):
            return _unauthorised("this bearer key is not one of the service's")
        return None


class BodyLimit:
    """Refuses a body of more than `most` bytes."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._message = f"the body is larger than this service's limit of {most:,} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._most:
            return await refusal(413, self._message, "invalid_request_error")(scope, receive, send)
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise HTTPException(413, self._message)  # FastAPI lets no other through
            return message

        await self._app(scope, counted, send)


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

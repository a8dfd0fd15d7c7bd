"""The HTTP routes, over a `Service`.

    POST /v1/chat/completions            OpenAI's, whole or streamed, with the client's own tools
    GET  /v1/models
    POST /v1/solve                       takes a problem; returns answer and chain, or streams steps
    GET  /v1/toolsets
    POST /v1/functions/{toolset}/{name}  takes arguments; returns the function's result
    GET  /healthz

There are no other routes. Errors have the shape of OpenAI's errors.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Body, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.sse import format_sse_event
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from pipeline.agent.driver import EngineError, OnStep, Rollout
from pipeline.records import Chain, Step
from serving.chat import ChatRequest
from serving.protection import BodyLimit, Keys, error_json, refusal
from serving.solve import SolveRequest, TooLong, chain_json, check_fits, solve, step_json
from toolsets import CallError, ToolCall, Toolset, render_call
from toolsets.tools.binding import validate

JsonObject = Annotated[dict[str, Any], Body()]
INTERNAL_ERROR = "the service failed; its log has the reason"
UNAVAILABLE_TYPE = "service_unavailable"
RETRY_SECONDS = 5  # Retry-After of a 503


class Unavailable(RuntimeError):
    """A part of the service does not answer; the message names it."""


class Chat(Protocol):
    """Answers chat completion requests with pairs of HTTP status and text (`serving.student`)."""

    def __call__(self, body: dict[str, Any]) -> AsyncGenerator[tuple[int, str]]: ...


class Health(Protocol):
    """Lists the parts of the service that are unavailable now."""

    async def __call__(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that the routes use."""

    name: str  # of the model
    rollout: Rollout
    toolsets: Mapping[str, Toolset]
    chat: Chat
    health: Health
    keys: Sequence[str] = ()
    max_body_bytes: int = 2**20
    started: int = field(default_factory=lambda: int(time.time()))


def http_app(service: Service) -> FastAPI:
    """The HTTP application of a service."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(BodyLimit, max_bytes=service.max_body_bytes)
    app.add_middleware(Keys, keys=service.keys)  # the last one added runs first
    _add_error_handlers(app)
    _add_model_routes(app, service)
    _add_function_routes(app, service)
    return app


def _add_model_routes(app: FastAPI, service: Service) -> None:
    @app.get("/v1/models")
    async def list_models() -> dict[str, Any]:
        model = {"object": "model", "created": service.started, "owned_by": "apprentice"}
        return {"object": "list", "data": [{"id": service.name} | model]}

    @app.post("/v1/chat/completions")
    async def complete(request: ChatRequest) -> Response:
        _check_model(service, request.model)
        answers = service.chat(request.model_dump(exclude_unset=True))
        status, text = await anext(answers)
        if not request.stream or status != 200:
            await answers.aclose()
            return Response(text, status, media_type="application/json")
        return _EventStream(_chat_events(text, answers))

    @app.post("/v1/solve")
    async def solve_problem(request: SolveRequest) -> Response:
        if request.model is not None:
            _check_model(service, request.model)
        try:
            check_fits(service.rollout, request.problem)
        except TooLong as error:
            raise HTTPException(400, str(error)) from None
        if request.stream:
            return _EventStream(_solve_events(service, request))
        chain = await _solve(service, request)
        if chain.stop_reason == "engine_error":
            raise Unavailable(chain.error or "the student")
        return JSONResponse(chain_json(chain, request.problem))

    @app.get("/healthz")
    async def health() -> Response:
        if unavailable := await service.health():
            raise Unavailable(", ".join(unavailable))
        return JSONResponse({"status": "ok"})


def _add_function_routes(app: FastAPI, service: Service) -> None:
    @app.get("/v1/toolsets")
    async def list_toolsets() -> dict[str, Any]:
        listed = [
            {"name": name, "functions": [tool.schema()["function"] for tool in toolset.tools]}
            for name, toolset in service.toolsets.items()
        ]
        return {"object": "list", "data": listed}

    @app.post("/v1/functions/{toolset}/{name}")
    async def call_function(toolset: str, name: str, arguments: JsonObject) -> dict[str, Any]:
        if toolset not in service.toolsets:
            known = ", ".join(service.toolsets)
            raise HTTPException(404, f"toolset {toolset!r} is not served here; known: {known}")
        try:
            validate(service.toolsets[toolset][name], arguments)
        except CallError as error:
            status = 404 if error.kind == "unknown_function" else 400
            raise HTTPException(status, str(error)) from None
        call = ToolCall(name, arguments, render_call(name, arguments))
        try:
            result = await service.rollout.runner.submit(call)
        except EngineError as error:
            raise Unavailable(str(error)) from None
        return {"ok": result.ok, "content": result.content, "error_kind": result.error_kind}


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return refusal(400, _validation_message(request, error), "invalid_request_error")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        message = error.detail
        if error.status_code in (404, 405) and message in ("Not Found", "Method Not Allowed"):
            message = f"there is no route {request.method} {request.url.path}"
        return refusal(error.status_code, message, "invalid_request_error")

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> Response:
        retry = {"Retry-After": str(RETRY_SECONDS)}
        return refusal(503, f"not available now: {error}", UNAVAILABLE_TYPE, **retry)

    @app.exception_handler(Exception)  # Starlette raises it again, for the log
    async def failed(request: Request, error: Exception) -> Response:
        return refusal(500, INTERNAL_ERROR, "server_error")


def _check_model(service: Service, model: str) -> None:
    if model != service.name:
        raise HTTPException(404, f"model {model!r} is not served here; known: {service.name}")


async def _solve(
    service: Service, request: SolveRequest, on_step: OnStep = lambda step: None
) -> Chain:
    return await solve(service.rollout, request, service.name, on_step)


class _EventStream(StreamingResponse):
    """Server-sent events of a generator, which is closed also if the client leaves early."""

    def __init__(self, events: AsyncGenerator[str | bytes]) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._generator = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._generator):  # Starlette would leave that to the garbage collector
            await super().__call__(scope, receive, send)


async def _chat_events(first: str, rest: AsyncGenerator[tuple[int, str]]) -> AsyncGenerator[str]:
    try:
        yield first
        async for _, text in rest:
            yield text
    except Unavailable as error:  # the status is already sent
        data = error_json(503, f"not available now: {error}", UNAVAILABLE_TYPE)
        yield f"data: {json.dumps(data)}\n\n"
    finally:
        await rest.aclose()  # ends the decoding if the client left


async def _solve_events(service: Service, request: SolveRequest) -> AsyncGenerator[bytes]:
    """Server-sent events: a `step` for each step, then the whole `chain`, or `error`."""
    steps: asyncio.Queue[Step | None] = asyncio.Queue()
    task = asyncio.create_task(_solve(service, request, steps.put_nowait))
    task.add_done_callback(lambda _: steps.put_nowait(None))
    try:
        index = 0
        while (step := await steps.get()) is not None:
            yield _event("step", step_json(index, step))
            index += 1
        chain = task.result()
        if chain.stop_reason == "engine_error":
            message = f"not available now: {chain.error}"
            yield _event("error", error_json(503, message, UNAVAILABLE_TYPE))
        else:
            yield _event("chain", chain_json(chain, request.problem))
    except Exception:  # a bug: raised again for the log; the status is already sent
        yield _event("error", error_json(500, INTERNAL_ERROR, "server_error"))
        raise
    finally:
        task.cancel()  # if the client left


def _event(name: str, data: dict[str, Any]) -> bytes:
    return format_sse_event(event=name, data_str=json.dumps(data))


def _validation_message(request: Request, error: RequestValidationError) -> str:
    first = error.errors()[0]
    if isinstance(error.body, bytes):
        kind = request.headers.get("content-type")
        return f"expected JSON and the header Content-Type: application/json, got {kind or 'none'}"
    if first["type"] == "json_invalid":
        return f"the body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}"
    field = ".".join(str(part) for part in first["loc"] if part != "body")
    text = first["msg"].removeprefix("Value error, ")
    message = text[0].lower() + text[1:]
    return f"{field}: {message}" if field else f"the body: {message}"

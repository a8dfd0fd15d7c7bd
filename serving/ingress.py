"""Deployment of the ingress: serves the routes (`serving.http`) and runs the chains.

It calls student and functions through Serve handles.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

from fastapi import FastAPI
from ray import serve
from ray.exceptions import RayActorError, RayError, RayTaskError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle, DeploymentResponseGenerator

from cluster.errors import last_line
from pipeline.agent.agent import dialect_of
from pipeline.agent.driver import EngineError, Rollout, Sampling, limits_of
from pipeline.agent.transcript import ChatTemplate
from pipeline.engine.tool_parsers import reader_maker
from pipeline.records import Reply
from serving.http import Service, Unavailable, http_app
from serving.spec import Spec, toolsets_by_name
from toolsets import ToolCall, ToolResult

DIED = (RayActorError, WorkerCrashedError)
FUNCTION_TRIES = 3  # if an executor dies, another replica repeats the call
HEALTH_SECONDS = 1.0  # maximum age of a health result


class RemoteEngine:
    """The agent's engine over the student's replicas."""

    def __init__(self, student: DeploymentHandle, context: int) -> None:
        self._student = student
        self.context = context

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """One reply; raises EngineError if the replica died or the queue is full."""
        reply = self._student.generate.remote(list(prompt_token_ids), sampling)
        try:
            return await reply
        except asyncio.CancelledError:
            reply.cancel()  # the client left
            raise
        except (RayError, RayServeException) as error:
            raise EngineError(f"the student: {_cause(error)}") from error


class RemoteRunner:
    """The agent's runner over the executor's replicas."""

    def __init__(self, functions: DeploymentHandle) -> None:
        self._functions = functions

    async def submit(self, call: ToolCall) -> ToolResult:
        """The call's result; raises EngineError if no replica returns one."""
        for tries_left in reversed(range(FUNCTION_TRIES)):
            try:
                return await self._functions.run.remote(call)
            except (RayError, RayServeException) as error:
                if not tries_left or not isinstance(error, DIED):
                    raise EngineError(f"the functions: {_cause(error)}") from error
        raise AssertionError("unreachable")


@serve.ingress()
class Ingress:
    """The entry point of the application."""

    async def __init__(
        self,
        spec: Spec,
        keys: Sequence[str],
        student: DeploymentHandle,
        functions: DeploymentHandle,
    ) -> None:
        from transformers import AutoTokenizer

        self._student = student
        agent, model = spec.recipe.agent, spec.recipe.student
        limits = limits_of(agent, model.retries, model.stop)
        tokenizer = AutoTokenizer.from_pretrained(spec.model)
        native = reader_maker(spec.recipe.native_parser(model), tokenizer)
        dialect = dialect_of(spec.recipe.toolset, agent, native, model.structured)
        engine = RemoteEngine(student, await student.context.remote())
        self._service = Service(
            name=spec.name,
            rollout=Rollout(
                dialect=dialect,
                template=ChatTemplate(tokenizer, dialect.tools),
                engine=engine,
                runner=RemoteRunner(functions),
                limits=limits,
                temperature=0.0,
            ),
            toolsets=toolsets_by_name(spec.recipe.toolset),
            chat=self._chat,
            health=_Health(),
            keys=keys,
            max_body_bytes=spec.recipe.serving.max_body_bytes,
        )

    def __serve_build_asgi_app__(self) -> FastAPI:
        return http_app(self._service)

    async def _chat(self, body: dict[str, Any]) -> AsyncGenerator[tuple[int, str]]:
        response = self._student.options(stream=True).chat.remote(body)
        answers = cast("DeploymentResponseGenerator", response)
        try:
            async for answer in answers:
                yield answer
        except (RayError, RayServeException) as error:
            raise Unavailable(f"the student: {_cause(error)}") from error
        finally:
            answers.cancel()


class _Health:
    """The unavailable deployments; Serve's controller is asked at most once per second."""

    def __init__(self) -> None:
        self._query: asyncio.Task[list[str]] | None = None
        self._started = float("-inf")

    async def __call__(self) -> Sequence[str]:
        now = asyncio.get_running_loop().time()
        if self._query is None or now - self._started > HEALTH_SECONDS:
            self._query, self._started = asyncio.create_task(asyncio.to_thread(_unavailable)), now
        return await asyncio.shield(self._query)


def _unavailable() -> list[str]:
    try:
        status = serve.status()
    except (RayError, RayServeException):
        return ["Serve's controller"]
    deployments = status.applications[serve.get_replica_context().app_name].deployments
    return [
        f"the {name.lower()}"
        for name, overview in deployments.items()
        if not any(state == "RUNNING" and count for state, count in overview.replica_states.items())
    ]


def _cause(error: Exception) -> str:
    """A reason to show to clients; Ray's own text contains processes and addresses."""
    if isinstance(error, RayTaskError):
        return last_line(str(error))
    if isinstance(error, BackPressureError):
        return "its queue is full"
    return "its replica died" if isinstance(error, DIED) else type(error).__name__

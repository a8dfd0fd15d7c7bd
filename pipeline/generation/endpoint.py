"""A model behind an OpenAI-compatible endpoint: messages in, messages out, by the same agent.

The `openai` package retries what may go better (408, 409, 429, 5xx, no connection), after as long
as the server asks for, else backing off. What will not, a refused key or an unknown model, ends the
job; a prompt that the server finds too long ends its chain.

Not here: the agent's loop (`pipeline.agent.driver`), where an endpoint is used
(`pipeline.generation.actor`).
"""

from __future__ import annotations

import asyncio
import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.agent.driver import ContextFull, Conversation, Driver, EngineError, Sampling, Usage
from pipeline.engine.engine import EngineRefused
from pipeline.recipe.cluster import Cluster
from pipeline.recipe.models import Model, Teacher
from pipeline.records import Message, Reply

if TYPE_CHECKING:
    from openai import APIStatusError
    from openai.types.chat import ChatCompletion

KEY_VARIABLE = "APPRENTICE_TEACHER_KEY"
NO_KEY = "none"  # servers that ask for no key take any
CONNECT_SECONDS = 10.0
TOO_LONG = re.compile(r"context[ _](length|window|size)|maximum model length", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where one actor finds a model; plain data, so it travels to any node."""

    url: str
    requests_per_minute: float | None  # of this actor
    request_seconds: float
    key: str = field(repr=False)  # where empty, the actor's own environment may have one


def endpoint_of(model: Model, cluster: Cluster) -> EndpointSettings | None:
    """The endpoint of `model` for each of its actors, None where an engine of ours runs it."""
    if not isinstance(model, Teacher) or model.endpoint is None:
        return None
    most = model.requests_per_minute
    share = None if most is None else most / cluster.actors_max
    return EndpointSettings(model.endpoint, share, model.request_seconds, _key())


class Endpoint:
    """The model `model` at an endpoint. Make it inside a running event loop, and use it from that
    loop only.

    Each method raises `pipeline.engine.engine.EngineRefused`, one sentence, where every request
    would fail.
    """

    capacity = None  # the server alone knows what it holds
    dead = False

    def __init__(self, model: str, settings: EndpointSettings, retries: int) -> None:
        import openai

        self._model, self._url = model, settings.url
        self._key = settings.key or _key() or NO_KEY
        pace = Pace(settings.requests_per_minute)
        self._client = openai.AsyncOpenAI(
            base_url=settings.url,
            api_key=self._key,
            max_retries=retries,
            timeout=openai.Timeout(settings.request_seconds, connect=CONNECT_SECONDS),
            # a hook of each request that is sent, so retries keep the pace as well
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"request": [pace]}),
        )

    async def check(self) -> None:
        """Ask which models there are; a server that does not tell is none the worse."""
        import openai

        try:
            await self._client.get("/models", cast_to=object)
        except openai.AuthenticationError as error:
            raise self._refused(error) from None
        except openai.APIConnectionError as error:
            raise EngineRefused(
                f"teacher.endpoint {self._url} cannot be reached: {_said(error)}"
            ) from None
        except openai.APIStatusError:
            pass

    async def reply(self, messages: Sequence[Message], sampling: Sampling) -> tuple[Reply, int]:
        """One reply, and how many tokens the server read for it.

        Raises ContextFull where the server finds `messages` too long, EngineError for whatever else
        goes wrong.
        """
        import openai

        try:
            done: ChatCompletion = await self._client.chat.completions.create(
                model=self._model,
                messages=messages,  # type: ignore[arg-type]  # plain dicts
                temperature=sampling.temperature,
                max_tokens=sampling.max_tokens,
                seed=sampling.seed,
            )
            return _read(done)
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise self._refused(error) from None
        except openai.NotFoundError as error:
            raise EngineRefused(
                f"teacher.endpoint {self._url} has no model {self._model!r}, or no chat "
                f"completions (404): {_said(error)}"
            ) from None
        except openai.BadRequestError as error:
            if TOO_LONG.search(f"{error.code} {_said(error)}"):
                raise ContextFull from None
            raise EngineError(_named(error)) from None
        except Exception as error:  # the engine's boundary
            raise EngineError(_named(error)) from error

    def _refused(self, error: APIStatusError) -> EngineRefused:
        whose = "asks for a key, set" if self._key == NO_KEY else "refuses the key of"
        return EngineRefused(
            f"teacher.endpoint {self._url} {whose} {KEY_VARIABLE} ({error.status_code}): "
            f"{_said(error)}"
        )


class Pace:
    """Lets requests through one by one, `per_minute` at most; None: as they come."""

    def __init__(self, per_minute: float | None) -> None:
        self._seconds = 60 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def __call__(self, request: object) -> None:
        """Wait for the turn of `request`; a hook of the HTTP client."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next)
        self._next = turn + self._seconds
        await asyncio.sleep(turn - now)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRollout(Driver):
    """Chains as messages; the server makes tokens of them, and counts these."""

    endpoint: Endpoint

    def converse(self, opening: Sequence[Message]) -> Conversation:
        return _Messages(self.endpoint, self.usage, opening)


class _Messages:
    """A conversation as its messages. What a replayed reply has of tokens is not known."""

    def __init__(self, endpoint: Endpoint, usage: Usage, opening: Sequence[Message]) -> None:
        self._endpoint = endpoint
        self._usage = usage
        self._messages = list(opening)

    async def ask(self, sampling: Sampling) -> tuple[Reply, int]:
        reply, prompt_tokens = await self._endpoint.reply(self._messages, sampling)
        self._usage.add(prompt_tokens, 0, reply)
        self._add_reply(reply.text)
        return reply, prompt_tokens

    def replay(self, text: str) -> tuple[Reply, int]:
        self._add_reply(text)
        return Reply(text, ()), 0

    def add_message(self, message: Message) -> None:
        self._messages.append(message)

    def _add_reply(self, text: str) -> None:
        self.add_message({"role": "assistant", "content": text})


def _key() -> str:
    return os.environ.get(KEY_VARIABLE, "").strip()


def _read(done: ChatCompletion) -> tuple[Reply, int]:
    choice, usage = done.choices[0], done.usage
    reason = "length" if choice.finish_reason == "length" else "stop"
    text = choice.message.content or ""
    if usage is None:
        return Reply(text, (), reason), 0
    details = usage.prompt_tokens_details
    cached = (details.cached_tokens if details else None) or 0
    return Reply(text, (), reason, cached, usage.completion_tokens), usage.prompt_tokens


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {_said(error)}"


def _said(error: Exception) -> str:
    """What a server said was wrong, or why it was not reached, on one line."""
    body = getattr(error, "body", None)
    told = body.get("message") if isinstance(body, dict) else error.__cause__
    return textwrap.shorten(str(told or "") or str(error), 300, placeholder=" ...")

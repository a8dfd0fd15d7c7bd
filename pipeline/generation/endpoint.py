"""A model at an OpenAI-compatible endpoint: messages in, messages out, with the same agent.

The `openai` package retries transient errors (408, 409, 429, 5xx, no connection), after the delay
that the server asks for, otherwise with backoff. A permanent error, such as a refused key or an
unknown model, ends the job; a prompt that is too long for the server ends its chain.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.agent.driver import ContextFull, Conversation, Driver, EngineError, Sampling, Usage
from pipeline.engine.engine import EngineRefused
from pipeline.generation.completion import TOO_LONG, read_completion, words
from pipeline.recipe.cluster import Cluster
from pipeline.recipe.models import Model, Teacher
from pipeline.records import Message, Reply

if TYPE_CHECKING:
    from openai import APIStatusError

KEY_VARIABLE = "APPRENTICE_TEACHER_KEY"
NO_KEY = "none"  # servers that require no key accept any
CONNECT_SECONDS = 10.0
TOO_LONG_STATUS = {400, 413, 422}


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """How one actor reaches a model; plain data, so that any node can load it."""

    url: str
    requests_per_minute: float | None  # of this actor; None: no limit
    request_seconds: float
    key: str = field(repr=False)  # if empty, the actor reads KEY_VARIABLE in its own environment


def endpoint_of(model: Model, cluster: Cluster) -> EndpointSettings | None:
    """The endpoint settings for each actor of `model`; None if a local engine runs it."""
    if not isinstance(model, Teacher) or model.endpoint is None:
        return None
    most = model.requests_per_minute
    share = None if most is None else most / cluster.actors_max
    return EndpointSettings(model.endpoint, share, model.request_seconds, _key())


class Endpoint:
    """The model `model` at an endpoint. Create it inside a running event loop, and use it only in
    that loop.

    Each method raises `pipeline.engine.engine.EngineRefused`, with one sentence, if every request
    would fail.
    """

    capacity = None  # only the server knows it
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
            # this hook runs for every request sent, so retries keep the pace as well
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"request": [pace]}),
        )

    async def check(self) -> None:
        """List the models; servers without that route are accepted."""
        import openai

        try:
            await self._client.get("/models", cast_to=object)
        except openai.AuthenticationError as error:
            raise self._refused(error) from None
        except openai.APIConnectionError as error:
            raise EngineRefused(
                f"teacher.endpoint {self._url} cannot be reached: {_message(error)}"
            ) from None
        except openai.APIStatusError:
            pass

    async def reply(self, messages: Sequence[Message], sampling: Sampling) -> tuple[Reply, int]:
        """Request one reply; also returns the number of prompt tokens that the server counted.

        Raises ContextFull if the server reports `messages` as too long, EngineError for any other
        failure.
        """
        import openai

        top_p = sampling.truncation.top_p
        try:
            response = await self._client.chat.completions.with_raw_response.create(
                model=self._model,
                messages=messages,  # type: ignore[arg-type]  # plain dicts
                temperature=sampling.temperature,
                max_tokens=sampling.max_tokens,
                seed=sampling.seed,
                top_p=top_p if top_p < 1 else openai.omit,  # some models refuse it
            )
            return read_completion(response.content)
        except (ContextFull, EngineError):
            raise
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise self._refused(error) from None
        except openai.NotFoundError as error:
            raise EngineRefused(
                f"teacher.endpoint {self._url} has no model {self._model!r}, or no chat "
                f"completions (404): {_message(error)}"
            ) from None
        except openai.APIStatusError as error:
            too_long = TOO_LONG.search(f"{error.code} {_message(error)}")
            if too_long and error.status_code in TOO_LONG_STATUS:
                raise ContextFull from None
            raise EngineError(_with_class(error)) from None
        except Exception as error:  # the engine's boundary
            raise EngineError(_with_class(error)) from error

    def _refused(self, error: APIStatusError) -> EngineRefused:
        problem = "requires a key, set" if self._key == NO_KEY else "refuses the key in"
        return EngineRefused(
            f"teacher.endpoint {self._url} {problem} {KEY_VARIABLE} ({error.status_code}): "
            f"{_message(error)}"
        )


class Pace:
    """Delays requests so that at most `per_minute` are sent, evenly spaced; None: no limit."""

    def __init__(self, per_minute: float | None) -> None:
        self._seconds = 60 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def __call__(self, request: object) -> None:
        """Wait until `request` may be sent; a request hook of the HTTP client."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next)
        self._next = turn + self._seconds
        await asyncio.sleep(turn - now)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRollout(Driver):
    """Makes chains from messages; the server tokenizes them and counts the tokens."""

    endpoint: Endpoint

    def converse(self, prompt: Sequence[Message]) -> Conversation:
        return _Messages(self.endpoint, self.usage, prompt)


class _Messages:
    """A conversation as messages. The token count of a replayed reply is unknown."""

    def __init__(self, endpoint: Endpoint, usage: Usage, prompt: Sequence[Message]) -> None:
        self._endpoint = endpoint
        self._usage = usage
        self._messages = list(prompt)

    async def ask(self, sampling: Sampling) -> tuple[Reply, int]:
        reply, prompt_tokens = await self._endpoint.reply(self._messages, sampling)
        self._usage.add(prompt_tokens, 0, reply)
        self._add_reply(reply.text)
        return reply, prompt_tokens

    def replay(self, text: str) -> tuple[Reply, int]:
        self._add_reply(text)
        return Reply(text, ()), 0

    def add_messages(self, messages: Sequence[Message]) -> None:
        self._messages.extend(messages)

    def _add_reply(self, text: str) -> None:
        self._messages.append({"role": "assistant", "content": text})


def _key() -> str:
    return os.environ.get(KEY_VARIABLE, "").strip()


def _with_class(error: Exception) -> str:
    return f"{type(error).__name__}: {_message(error)}"


def _message(error: Exception) -> str:
    """The server's error message, or why the connection failed, on one line."""
    body = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, dict) else error.__cause__
    return words(str(message or "") or str(error))

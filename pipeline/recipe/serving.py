"""The section `serving`: how the student is served."""

from __future__ import annotations

from pydantic import Field, model_validator

from pipeline.recipe.section import Section


class Replicas(Section):
    """Replicas of a deployment: always `min`, up to `max` under load."""

    min: int = Field(default=1, ge=1, description="replicas at least")
    max: int = Field(default=1, ge=1, description="replicas at most")

    @model_validator(mode="after")
    def _ordered(self) -> Replicas:
        if self.max < self.min:
            raise ValueError(f"max ({self.max}) must be at least min ({self.min})")
        return self


class Serving(Section):
    """How the student and its functions are served."""

    host: str = Field(
        default="127.0.0.1", description="bind address; other than loopback requires a key"
    )
    port: int = Field(default=8000, ge=1, le=65535, description="TCP port for HTTP")
    key_file: str | None = Field(
        default=None,
        description="file of bearer keys, one per line; or set one in APPRENTICE_API_KEY",
    )
    model_name: str | None = Field(
        default=None, description="name of the model in the API; null: the folder's name"
    )
    tool_parser: str | None = Field(
        default=None,
        description="vLLM's parser of tool calls in chat completions, such as hermes; null: the "
        "client's tools are added to the prompt, the reply stays text",
    )
    ingress: Replicas = Field(default=Replicas(), description="each runs many chains")
    student: Replicas = Field(default=Replicas(), description="each runs one engine")
    functions: Replicas = Field(
        default=Replicas(), description="each has cluster.function_workers processes"
    )
    max_ongoing: int = Field(
        default=128, ge=1, description="concurrent requests per ingress replica"
    )
    max_queued: int = Field(
        default=256, ge=0, description="queued requests per proxy; more get status 429"
    )
    max_body_bytes: int = Field(
        default=2**20,
        ge=1024,
        description="largest request body, bytes; larger ones get status 413",
    )
    max_tokens: int = Field(default=1024, ge=1, description="longest chat completion, tokens")
    request_seconds: float = Field(
        default=300, gt=0, description="request timeout, seconds; then status 408"
    )

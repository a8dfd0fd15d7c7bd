"""The section `serving`: how the student is served."""

from __future__ import annotations

from pydantic import Field, model_validator

from pipeline.recipe.section import Section


class Replicas(Section):
    """How many copies of a deployment: `min` always, up to `max` under load."""

    min: int = Field(default=1, ge=1, description="replicas at least")
    max: int = Field(default=1, ge=1, description="replicas at most")

    @model_validator(mode="after")
    def _ordered(self) -> Replicas:
        if self.max < self.min:
            raise ValueError(f"max ({self.max}) must be at least min ({self.min})")
        return self


class Serving(Section):
    """How the student is served, next to its functions."""

    host: str = Field(default="127.0.0.1", description="elsewhere than loopback a key is required")
    port: int = Field(default=8000, ge=1, le=65535, description="TCP port of HTTP")
    key_file: str | None = Field(
        default=None, description="file of bearer keys, one a line; or APPRENTICE_API_KEY holds one"
    )
    model_name: str | None = Field(
        default=None, description="what clients call the model; null: the folder's name"
    )
    tool_parser: str | None = Field(
        default=None,
        description="vLLM's parser of tool calls in chat completions, such as hermes; null: the "
        "client's tools reach the prompt, the reply stays text",
    )
    ingress: Replicas = Field(default=Replicas(), description="each drives many chains")
    student: Replicas = Field(default=Replicas(), description="each is an engine")
    functions: Replicas = Field(
        default=Replicas(), description="each has cluster.function_workers processes"
    )
    max_ongoing: int = Field(default=128, ge=1, description="requests at once, per ingress replica")
    max_queued: int = Field(
        default=256, ge=0, description="requests that wait, per proxy; more get 429"
    )
    max_body_bytes: int = Field(default=2**20, ge=1024, description="of a request, else 413")
    max_tokens: int = Field(default=1024, ge=1, description="of one chat completion")
    request_seconds: float = Field(default=300, gt=0, description="longest request, then 408")

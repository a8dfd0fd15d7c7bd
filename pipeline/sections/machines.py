"""What a run takes of the machines, and how the student is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline.sections.base import Section


def engine_parts(arguments: Mapping[str, Any] | None) -> int:
    """On how many nodes an engine may stand: one, or as many as it has ranks where vLLM's
    `arguments` have it start them through Ray."""
    if arguments is None or arguments.get("distributed_executor_backend") != "ray":
        return 1
    return _ranks(arguments)


def _ranks(arguments: Mapping[str, Any]) -> int:
    return arguments.get("tensor_parallel_size", 1) * arguments.get("pipeline_parallel_size", 1)


class Cluster(Section):
    """What a run takes of the machines."""

    actors_min: int = Field(default=1, ge=1, description="engine actors at least")
    actors_max: int = Field(default=1, ge=1, description="engine actors at most")
    engine_cpus: float = Field(
        default=1,
        gt=0,
        description="CPUs an engine actor reserves, or a rank of it over nodes",
    )
    engine_gpus: float | None = Field(
        default=None, ge=0, description="GPUs per rank of an engine; null: 1 where there are any"
    )
    train_cpus: float = Field(default=1, gt=0, description="CPUs a training worker reserves")
    train_gpus: Literal[0, 1] | None = Field(
        default=None, description="GPUs of a training worker; null: 1 where there are enough"
    )
    function_workers: int = Field(
        default=1, ge=1, description="function processes per engine actor"
    )
    kv_cache_gib: float = Field(
        default=1.0, gt=0, description="GiB of KV cache per engine, on CPU only"
    )
    batch_tasks: int = Field(default=64, ge=1, description="tasks per file of chains")
    chains_in_flight: int = Field(
        default=256,
        ge=1,
        description="most chains at once per engine actor; as many as its KV cache holds",
    )
    engine_price_per_hour: float | None = Field(
        default=None,
        gt=0,
        description="what an hour of one engine costs, in any currency; for estimates",
    )

    def engine_bundle(self, arguments: Mapping[str, Any] | None, gpus: bool) -> dict[str, float]:
        """What one engine reserves on one node, for vLLM's `arguments`; None where it runs
        elsewhere, behind an endpoint: what asks it needs no GPU. An engine over nodes reserves as
        many of these as it has parts (`engine_parts`), a rank's each.

        Where `engine_gpus` is null: a GPU per rank, if the cluster has or may get any (`gpus`).
        """
        if arguments is None:
            return {"CPU": self.engine_cpus, "GPU": 0.0}
        each = float(gpus) if self.engine_gpus is None else self.engine_gpus
        ranks = _ranks(arguments) // engine_parts(arguments)
        return {"CPU": self.engine_cpus, "GPU": ranks * each}

    def trains_on_gpus(self, enough: bool) -> bool:
        """Whether training workers have GPUs; `enough` says if all could, where the recipe does
        not."""
        return enough if self.train_gpus is None else bool(self.train_gpus)

    @model_validator(mode="after")
    def _ordered(self) -> Cluster:
        if self.actors_max < self.actors_min:
            raise ValueError(
                f"actors_max ({self.actors_max}) must be at least actors_min ({self.actors_min})"
            )
        return self


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

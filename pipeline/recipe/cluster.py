"""The section `cluster`: what a run takes of the machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline.recipe.section import Section


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

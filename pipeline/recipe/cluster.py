"""The section `cluster`: the resources of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline.recipe.section import Section


def engine_parts(arguments: Mapping[str, Any] | None) -> int:
    """Most nodes that one engine can span: its number of ranks if vLLM's `arguments` start them
    through Ray, else 1."""
    if arguments is None or arguments.get("distributed_executor_backend") != "ray":
        return 1
    return _ranks(arguments)


def _ranks(arguments: Mapping[str, Any]) -> int:
    return arguments.get("tensor_parallel_size", 1) * arguments.get("pipeline_parallel_size", 1)


class Cluster(Section):
    """The resources of a run."""

    actors_min: int = Field(default=1, ge=1, description="engine actors, minimum")
    actors_max: int = Field(default=1, ge=1, description="engine actors, maximum")
    engine_cpus: float = Field(
        default=1,
        gt=0,
        description="CPUs per engine actor, or per rank of an engine that spans nodes",
    )
    engine_gpus: float | None = Field(
        default=None,
        ge=0,
        description="GPUs per rank of an engine; null: 1 if the cluster has GPUs",
    )
    train_cpus: float = Field(default=1, gt=0, description="CPUs per training worker")
    train_gpus: Literal[0, 1] | None = Field(
        default=None, description="GPUs per training worker; null: 1 if there are enough for all"
    )
    function_workers: int = Field(
        default=1, ge=1, description="function processes per engine actor"
    )
    kv_cache_gib: float = Field(
        default=1.0, gt=0, description="GiB of KV cache per engine, on CPU only"
    )
    batch_tasks: int = Field(
        default=64, ge=1, description="tasks per block; each block is one file of chains"
    )
    chains_in_flight: int = Field(
        default=256,
        ge=1,
        description="concurrent chains per engine actor at most; fewer if its KV cache is full",
    )
    max_errors_in_a_row: int | None = Field(
        default=16,
        ge=1,
        description="chains in a row that end in an engine error, after which an actor pauses and "
        "tries again; null: never",
    )
    outage_seconds: float = Field(
        default=300,
        ge=0,
        description="seconds that an actor tries while every chain ends in an engine error; then "
        "the stage fails",
    )
    max_error_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="share of the chains of a model in a stage that may end in an engine error; "
        "with more, the stage fails",
    )
    token_seconds: float | None = Field(
        default=600,
        gt=0,
        description="seconds in which an engine with requests writes no token, after which it "
        "counts as dead and is replaced; null: never",
    )
    no_progress_seconds: float | None = Field(
        default=7200,
        gt=0,
        description="seconds without a finished block, or waiting for machines, after which a "
        "stage fails; longer if a rate limit requires it; null: never",
    )
    engine_price_per_hour: float | None = Field(
        default=None,
        gt=0,
        description="price of one engine-hour, in any currency; used for estimates",
    )

    def engine_bundle(self, arguments: Mapping[str, Any] | None, gpus: bool) -> dict[str, float]:
        """The resources that one engine reserves on one node, for vLLM's `arguments`.

        An engine that spans nodes reserves `engine_parts` such bundles, one per rank. `arguments`
        is None for a remote endpoint, whose client needs no GPU. If `engine_gpus` is null, each
        rank gets one GPU if the cluster has or can add GPUs (`gpus`).
        """
        if arguments is None:
            return {"CPU": self.engine_cpus, "GPU": 0.0}
        each = float(gpus) if self.engine_gpus is None else self.engine_gpus
        ranks = _ranks(arguments) // engine_parts(arguments)
        return {"CPU": self.engine_cpus, "GPU": ranks * each}

    def trains_on_gpus(self, enough: bool) -> bool:
        """Whether training workers use GPUs; `enough` (a GPU for every worker) decides if
        `train_gpus` is null."""
        return enough if self.train_gpus is None else bool(self.train_gpus)

    @model_validator(mode="after")
    def _ordered(self) -> Cluster:
        if self.actors_max < self.actors_min:
            raise ValueError(
                f"actors_max ({self.actors_max}) must be at least actors_min ({self.actors_min})"
            )
        return self

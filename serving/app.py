"""The application: ingress, student and functions, each with its replicas and its queue limit.

    serving.app:build        for Serve's configs (serving/config.yaml): args source, overrides

Every queue is bounded. The ingress takes `serving.max_ongoing` requests at once and lets
`serving.max_queued` wait; more are refused with 429 and Retry-After by Serve itself. Behind it a
chain has one request in flight at a time, so what waits there is bounded too.

Not here: what each does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig, BackpressureConfig

from cluster.requirements import Requirement, engines
from cluster.resources import Capacity, capacity
from pipeline.recipe.cluster import engine_parts
from pipeline.recipe.serving import Replicas
from serving.functions import Functions
from serving.ingress import Ingress
from serving.spec import Spec, read_keys, read_spec
from serving.student import Student, StudentSettings

NAME = "apprentice"
RETRY_SECONDS = 1.0  # what a client is told to wait when a queue is full
SMALL_CPUS = 0.5  # of ingress and functions: they mostly wait


class Arguments(BaseModel):
    """What a Serve config gives to `build`."""

    model_config = ConfigDict(extra="forbid")

    source: str
    overrides: Sequence[str] = ()


def build(args: Mapping[str, Any]) -> Application:
    """The application of a Serve config, whose `args` are those of `Arguments`.

    Serve builds it on the cluster, where Ray is connected.
    """
    known = Arguments.model_validate(args)
    return application(read_spec(known.source, known.overrides))


def students_required(spec: Spec, found: Capacity) -> Requirement:
    """What the replicas of the student reserve on a cluster."""
    replicas, arguments = spec.recipe.serving.student, spec.recipe.student.engine
    bundle = spec.recipe.cluster.engine_bundle(arguments, found.ceiling.get("GPU", 0) >= 1)
    return engines("serve", bundle, engine_parts(arguments), replicas.min, replicas.max)


def application(spec: Spec) -> Application:
    """The application that serves `spec` on the cluster that is connected."""
    serving, cluster = spec.recipe.serving, spec.recipe.cluster
    bundle = students_required(spec, capacity()).bundle
    parts = engine_parts(spec.recipe.student.engine)
    student = _deployment(
        Student,
        serving.student,
        serving.max_ongoing,
        serving.ingress.max * serving.max_ongoing,
        {"num_cpus": bundle["CPU"], "num_gpus": bundle["GPU"] if parts == 1 else 0},
        [dict(bundle)] * parts if parts > 1 else (),  # where vLLM starts the ranks
    ).bind(
        StudentSettings(
            name=spec.name,
            model=spec.model,
            engine=tuple(spec.recipe.student.engine.items()),
            kv_cache_gib=cluster.kv_cache_gib,
            max_tokens=serving.max_tokens,
            tool_parser=serving.tool_parser,
        )
    )
    functions = _deployment(
        Functions,
        serving.functions,
        serving.max_ongoing,
        serving.ingress.max * serving.max_ongoing,
        {"num_cpus": SMALL_CPUS},
    ).bind(spec.recipe.toolset, cluster.function_workers)
    return _deployment(
        Ingress,
        serving.ingress,
        serving.max_ongoing,
        serving.max_queued,
        {"num_cpus": SMALL_CPUS},
    ).bind(spec, read_keys(spec), student, functions)


def _deployment(
    what: type,
    replicas: Replicas,
    ongoing: int,
    queued: int,
    resources: dict[str, float],
    bundles: Sequence[dict[str, float]] = (),
) -> serve.Deployment:
    options: dict[str, Any] = {"num_replicas": replicas.min}
    if replicas.max > replicas.min:
        options = {
            "autoscaling_config": AutoscalingConfig(
                min_replicas=replicas.min,
                max_replicas=replicas.max,
                target_ongoing_requests=max(1, ongoing // 2),
            )
        }
    if bundles:
        options["placement_group_bundles"] = [*bundles]
    configure = serve.deployment(
        max_ongoing_requests=ongoing,
        max_queued_requests=queued,
        backpressure_config=BackpressureConfig(status_code=429, retry_after_s=RETRY_SECONDS),
        ray_actor_options=resources,
        **options,
    )
    return configure(what)

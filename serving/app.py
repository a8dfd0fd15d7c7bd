"""The application: ingress, student and functions, each with its replicas and its queue limit.

    serving.app:build        for Serve configs (serving/config.yaml), args: source, overrides

Every queue is bounded. The ingress processes `serving.max_ongoing` requests at once and queues
`serving.max_queued`; Serve refuses more with 429 and Retry-After. A chain has one request in flight
at a time, so the queues of student and functions are bounded too.
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
RETRY_SECONDS = 1.0  # Retry-After when a queue is full
LIGHT_CPUS = 0.5  # per replica of ingress and functions, which mostly wait


class Arguments(BaseModel):
    """The arguments of `build` in a Serve config."""

    model_config = ConfigDict(extra="forbid")

    source: str
    overrides: Sequence[str] = ()


def build(args: Mapping[str, Any]) -> Application:
    """Build the application of a Serve config; `args` has the fields of `Arguments`.

    Serve calls it on the cluster, where Ray is connected.
    """
    arguments = Arguments.model_validate(args)
    return application(read_spec(arguments.source, arguments.overrides))


def student_requirement(spec: Spec, machines: Capacity) -> Requirement:
    """What the student's replicas require on these machines."""
    replicas, arguments = spec.recipe.serving.student, spec.recipe.student.engine
    bundle = spec.recipe.cluster.engine_bundle(arguments, machines.ceiling.get("GPU", 0) >= 1)
    return engines("serve", bundle, engine_parts(arguments), replicas.min, replicas.max)


def application(spec: Spec) -> Application:
    """Build the application that serves `spec` on the connected cluster."""
    serving, cluster = spec.recipe.serving, spec.recipe.cluster
    bundle = student_requirement(spec, capacity()).bundle
    parts = engine_parts(spec.recipe.student.engine)
    student = _deployment(
        Student,
        serving.student,
        serving.max_ongoing,
        serving.ingress.max * serving.max_ongoing,
        {"num_cpus": bundle["CPU"], "num_gpus": bundle["GPU"] if parts == 1 else 0},
        [dict(bundle)] * parts if parts > 1 else (),  # a placement group for vLLM's ranks
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
        {"num_cpus": LIGHT_CPUS},
    ).bind(spec.recipe.toolset, cluster.function_workers)
    return _deployment(
        Ingress,
        serving.ingress,
        serving.max_ongoing,
        serving.max_queued,
        {"num_cpus": LIGHT_CPUS},
    ).bind(spec, read_keys(spec), student, functions)


def _deployment(
    cls: type,
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
    return configure(cls)

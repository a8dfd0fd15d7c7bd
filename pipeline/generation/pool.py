"""The machines that a stage requests: pool size, resources of each engine, waiting for machines.

All tasks are known before the pool starts, so it requests its full size at once: Ray's autoscaler
sees the pending actors and adds machines for exactly these. By default, Ray Data would request more
actors only after the first block is done, doubling their number, and only while most are busy.

Not here: the resources of a cluster (`cluster.resources`) and whether they are enough
(`cluster.requirements`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster import storage
from cluster.requirements import Requirement, RequirementError, check, engines, refuse_never
from cluster.resources import Capacity
from pipeline.errors import CannotStart
from pipeline.progress import EVERY_SECONDS, Progress
from pipeline.recipe.cluster import Cluster, engine_parts
from pipeline.recipe.load import Recipe
from pipeline.recipe.models import AgentSettings, Model, Teacher


def engine_pool(blocks: int, cluster: Cluster) -> Any:
    """Ray Data's ActorPoolStrategy for `blocks` blocks of tasks.

    As many actors as can each keep `chains_in_flight` chains running, within `actors_min` and
    `actors_max`. One extra block is queued per actor so that it never idles; more would starve
    actors that start later.
    """
    from ray.data import ActorPoolStrategy

    calls = max(2, -(-cluster.chains_in_flight // cluster.batch_tasks))
    least = min(cluster.actors_min, blocks)
    return ActorPoolStrategy(
        min_size=least,
        max_size=cluster.actors_max,
        initial_size=min(cluster.actors_max, max(least, -(-blocks // calls))),
        max_tasks_in_flight_per_actor=calls + 1,
        max_concurrent_calls_per_actor=calls,
        enable_true_multi_threading=True,
    )


def no_progress_seconds(cluster: Cluster, agent: AgentSettings, model: Model) -> float | None:
    """Seconds in which at least one block of `model` must end: the setting, but not less than
    twice the time in which an endpoint's rate limit lets all concurrent chains end."""
    seconds = cluster.no_progress_seconds
    if seconds is None or not isinstance(model, Teacher) or model.requests_per_minute is None:
        return seconds
    requests = cluster.chains_in_flight * cluster.actors_max * agent.max_steps
    return max(seconds, 2 * 60 * requests / model.requests_per_minute)


def prepare_ray_data(no_progress_seconds: float | None) -> None:
    """Configure Ray Data in this process: pool growth, the longest time without a finished block,
    quiet output."""
    import logging

    import ray

    context = ray.data.DataContext.get_current()
    # All work is known from the start: grow as soon as all actors are busy, shrink when no work is
    # left.
    context.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0
    context.autoscaling_config.actor_pool_util_downscaling_threshold = 0.0
    context.execution_no_progress_timeout_s = no_progress_seconds or -1  # -1: no limit
    context.issue_detectors_config.detectors = []  # they would call `place` of `engine_placement`
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # it also raises its errors


def requirements(recipe: Recipe, capacity: Capacity, stages: Container[str]) -> list[Requirement]:
    """The resources that `stages` request from Ray, by the same rules as
    `pipeline.generation.ray_job` and `pipeline.training`."""
    cluster, gpus = recipe.cluster, capacity.ceiling.get("GPU", 0)
    models = recipe.teacher, recipe.student
    arguments = [None if model.is_remote else model.engine for model in models]
    least, most = cluster.actors_min, cluster.actors_max

    def largest(stage: str) -> Requirement:
        sizes = [(cluster.engine_bundle(a, gpus >= 1), engine_parts(a)) for a in arguments]
        candidates = [engines(stage, *size, least, most) for size in sizes]
        return max(candidates, key=lambda required: required.at_least * required.bundle["GPU"])

    workers = recipe.train.workers
    gpu = cluster.trains_on_gpus(gpus >= workers)
    worker = {"CPU": cluster.train_cpus, "GPU": float(gpu)}
    train = Requirement("train", "worker", worker, workers, workers)
    required = [largest("generate"), train, largest("evaluate")]
    return [requirement for requirement in required if requirement.stage in stages]


def refuse_too_small(recipe: Recipe, stages: Container[str]) -> None:
    """Raise CannotStart if the connected Ray cluster can never run one of `stages`."""
    from cluster.resources import capacity

    address = os.environ.get("RAY_ADDRESS")
    where, available = f"the cluster at {address}" if address else "this machine", capacity()
    try:
        refuse_never(check(requirements(recipe, available, stages), available), where)
    except RequirementError as error:
        raise CannotStart(str(error)) from None


def may_have_gpus(count: float = 1) -> bool:
    """Whether the connected cluster has `count` GPUs or its autoscaler may add them."""
    from cluster.resources import ceiling

    return ceiling().get("GPU", 0) >= count


@contextmanager
def engine_placement(bundle: Mapping[str, float], parts: int) -> Iterator[dict[str, Any]]:
    """Arguments for Ray Data that place each engine's actor: `bundle` on one node. With several
    `parts`, a placement group of that many bundles on few nodes, in which vLLM starts its ranks
    next to the actor; the groups are removed on exit.

    `ray_remote_args_fn` is deprecated as of Ray 2.60, but only it gives each actor its own group,
    and Ray's own LLM batch inference uses it for this.
    """
    if parts == 1:
        yield {"num_cpus": bundle["CPU"], "num_gpus": bundle["GPU"]}
        return
    from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    groups: list[PlacementGroup] = []

    def place() -> dict[str, Any]:
        groups.append(placement_group([dict(bundle)] * parts, strategy="PACK"))
        strategy = PlacementGroupSchedulingStrategy(
            groups[-1], placement_group_capture_child_tasks=True
        )
        return {"scheduling_strategy": strategy}

    try:
        yield {"num_cpus": bundle["CPU"], "num_gpus": 0, "ray_remote_args_fn": place}
    finally:
        for group in groups:
            remove_placement_group(group)


@contextmanager
def reachable(folder: Path) -> Iterator[str]:
    """Write a mark file to `folder`, which workers check for; yields its path.

    Raises CannotStart if a node of the cluster does not see the file.
    """
    with storage.marked(folder) as mark:
        try:
            storage.check_nodes(mark)
        except storage.StorageError as error:
            raise CannotStart(str(error)) from None
        yield mark


@contextmanager
def waiting(
    progress: Progress,
    done: int,
    bundle: Mapping[str, float],
    least: int,
    began: Callable[[], bool],
    starting: str = "starting",
) -> Iterator[None]:
    """Show in the live line, until work `began`, which machines are missing, or `starting` when all
    are available; update it when that changes."""
    from cluster.resources import capacity, nodes

    stop, at_start = threading.Event(), capacity()

    def watch() -> None:
        shown = ""
        while not stop.wait(EVERY_SECONDS) and not began():
            text = _missing(replace(at_start, nodes=nodes()), bundle, least) or starting
            if text != shown:
                progress.update(done, text)
                shown = text

    thread = threading.Thread(target=watch, name="waiting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _missing(capacity: Capacity, bundle: Mapping[str, float], least: int) -> str:
    now, ever = capacity.places(bundle)
    if now >= least:
        return ""
    size = ", ".join(f"{amount:g} {name}" for name, amount in bundle.items() if amount)
    never = "; no autoscaler adds more" if capacity.known and ever < least else ""
    return f"waiting for machines: {now} of {least} with {size} available{never}"

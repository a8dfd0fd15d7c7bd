"""The machines that a stage asks for: the pool of engines, what each takes, what is waited for.

All tasks are known before the pool starts, so it asks for its whole size at once: actors that find
no place are what Ray's autoscaler sees, and it brings machines for just these. Ray Data would ask
for more only after the first block is done, doubling, and only while most of what is there is busy.

Not here: what an engine actor does (`pipeline.generation.actor`), what a cluster has
(`cluster.resources`), whether that is enough (`cluster.requirements`).
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


def engine_pool(blocks: int, cluster: Cluster) -> Any:
    """Ray Data's ActorPoolStrategy for `blocks` blocks of tasks.

    As many actors as keep `chains_in_flight` chains each at work, within `actors_min` and
    `actors_max`. A block more than an actor works on waits at it, so that none idles in between;
    not more, as blocks at one actor are lost to those that come later.
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


def prepare_ray_data() -> None:
    """Settings of Ray Data in this process: how the pool grows, that it waits, and no chatter."""
    import logging

    import ray

    context = ray.data.DataContext.get_current()
    # All work is there from the start: grow as soon as all are busy, shrink when nothing is left.
    context.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0
    context.autoscaling_config.actor_pool_util_downscaling_threshold = 0.0
    context.execution_no_progress_timeout_s = -1  # a machine may take longer than half an hour
    context.issue_detectors_config.detectors = []  # they would ask `placed` for a place as well
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # its errors are raised as well


def requirements(recipe: Recipe, capacity: Capacity, stages: Container[str]) -> list[Requirement]:
    """What the stages ask Ray for: the rules of `pipeline.generation.ray_job` and
    `pipeline.training`."""
    asked, gpus = recipe.cluster, capacity.ceiling.get("GPU", 0)
    models = recipe.teacher, recipe.student
    arguments = [None if model.is_remote else model.engine for model in models]
    few, many = asked.actors_min, asked.actors_max

    def largest(stage: str) -> Requirement:
        bundles = [(asked.engine_bundle(own, gpus >= 1), engine_parts(own)) for own in arguments]
        needs = [engines(stage, *engine, few, many) for engine in bundles]
        return max(needs, key=lambda need: need.at_least * need.bundle["GPU"])

    workers = recipe.train.workers
    gpu = asked.trains_on_gpus(gpus >= workers)
    worker = {"CPU": asked.train_cpus, "GPU": float(gpu)}
    train = Requirement("train", "worker", worker, workers, workers)
    needs = [largest("generate"), train, largest("evaluate")]
    return [need for need in needs if need.stage in stages]


def refuse_too_small(recipe: Recipe, stages: Container[str]) -> None:
    """Raise CannotStart where the Ray that is connected can never run one of `stages`."""
    from cluster.resources import capacity

    address = os.environ.get("RAY_ADDRESS")
    where, found = f"the cluster at {address}" if address else "this machine", capacity()
    try:
        refuse_never(check(requirements(recipe, found, stages), found), where)
    except RequirementError as error:
        raise CannotStart(str(error)) from None


def may_have_gpus(count: float = 1) -> bool:
    """Whether the joined cluster has, or may come to have, `count` GPUs."""
    from cluster.resources import ceiling

    return ceiling().get("GPU", 0) >= count


@contextmanager
def placed(bundle: Mapping[str, float], parts: int) -> Iterator[dict[str, Any]]:
    """What Ray Data is told of the place of each engine's actor: a bundle on one node. Of several
    `parts`, a placement group of as many bundles, on few nodes, in which vLLM starts its ranks
    beside the actor; the groups are given back at the end.

    Ray 2.60 means to drop `ray_remote_args_fn`, which alone gives each actor a group of its own and
    which Ray's own batches of language models use for this.
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
    """Leave a mark in `folder` for the workers to look for; gives its path.

    Raises CannotStart where a node that is there does not see it.
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
) -> Iterator[None]:
    """Say in the live line what is waited for until work `began`; once for each change."""
    from cluster.resources import capacity, nodes

    stop, found = threading.Event(), capacity()

    def watch() -> None:
        said = ""
        while not stop.wait(EVERY_SECONDS) and not began():
            text = _missing(replace(found, nodes=nodes()), bundle, least)
            if text != said:
                progress.update(done, text)
                said = text

    thread = threading.Thread(target=watch, name="waiting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _missing(found: Capacity, bundle: Mapping[str, float], least: int) -> str:
    now, ever = found.places(bundle)
    if now >= least:
        return "starting"
    size = ", ".join(f"{amount:g} {name}" for name, amount in bundle.items() if amount)
    known = "; no autoscaler brings them" if found.known and ever < least else ""
    return f"waiting for machines: {now} of {least} with {size} are there{known}"

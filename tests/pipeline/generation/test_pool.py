"""The machines that a stage requests: pool size, resources of an engine, waiting, shared folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.errors import without_class
from cluster.requirements import check
from cluster.resources import Capacity
from pipeline.generation.pool import engine_pool, no_progress_seconds, requirements
from pipeline.recipe.cluster import Cluster, engine_parts
from pipeline.recipe.load import load
from tests.conftest import ROOT
from tests.pipeline.cli import SMALL, command, run
from tests.raylets import can_hide_folders, raylets

SPLIT = ("teacher.engine.tensor_parallel_size=4", "teacher.engine.pipeline_parallel_size=2")
SMALL_MACHINE = {"resources": {"CPU": 8, "GPU": 2}, "node_config": {}, "max_workers": 1}
BUNDLE = """
import json, ray
from pipeline.generation.pool import may_have_gpus
from pipeline.recipe.cluster import Cluster
ray.init(logging_level="ERROR", log_to_driver=False)
ranks = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}, {}
print(json.dumps([Cluster().engine_bundle(engine, may_have_gpus()) for engine in ranks]))
"""


@pytest.mark.parametrize(
    ("blocks", "least", "most", "initial"),
    [
        (1, 1, 8, 1),
        (4, 1, 8, 1),  # four blocks of 64 tasks are the 256 chains of one engine
        (5, 1, 8, 2),
        (100, 1, 8, 8),
        (1, 4, 8, 1),  # no more engines than blocks
        (5, 3, 8, 3),
        (100, 2, 2, 2),
    ],
)
def test_the_initial_pool_size_follows_the_number_of_blocks(
    blocks: int, least: int, most: int, initial: int
) -> None:
    cluster = Cluster(actors_min=least, actors_max=most, batch_tasks=64, chains_in_flight=256)
    assert engine_pool(blocks, cluster).initial_size == initial


ENDPOINT = "teacher.endpoint=http://host:8000/v1"


@pytest.mark.parametrize(
    ("overrides", "seconds"),
    [
        ((), 7200),
        (("cluster.no_progress_seconds=60",), 60),
        (("cluster.no_progress_seconds=null",), None),
        ((ENDPOINT, "teacher.requests_per_minute=600"), 7200),
        ((ENDPOINT, "teacher.requests_per_minute=6"), 2 * 60 * 256 * 12 / 6),
        (
            (ENDPOINT, "teacher.requests_per_minute=6", "cluster.actors_max=2"),
            2 * 60 * 512 * 12 / 6,
        ),
    ],
)
def test_a_job_may_go_without_progress_for_as_long_as_the_setting_and_the_rate_limit_say(
    overrides: tuple[str, ...], seconds: float | None
) -> None:
    recipe = load("paper", ["agent.max_steps=12", "cluster.chains_in_flight=256", *overrides])
    found = no_progress_seconds(recipe.cluster, recipe.agent, recipe.teacher)
    assert found == seconds
    student = no_progress_seconds(recipe.cluster, recipe.agent, recipe.student)
    assert student == recipe.cluster.no_progress_seconds


def test_each_actor_queues_more_blocks_than_it_runs_at_once() -> None:
    pool = engine_pool(100, Cluster(actors_max=8, batch_tasks=64, chains_in_flight=256))
    assert pool.max_tasks_in_flight_per_actor > pool.max_concurrent_calls_per_actor


def test_an_engine_over_several_nodes_requests_one_gpu_per_rank() -> None:
    ray = {"tensor_parallel_size": 4, "pipeline_parallel_size": 2}
    ray |= {"distributed_executor_backend": "ray"}
    assert Cluster(engine_cpus=2).engine_bundle(ray, True) == {"CPU": 2, "GPU": 1}
    assert (engine_parts(ray), engine_parts({"tensor_parallel_size": 4}), engine_parts(None)) == (
        (8, 1, 1)
    )
    nodes = Capacity(({"CPU": 64.0, "GPU": 4.0}, {"CPU": 64.0, "GPU": 4.0}))
    spread = ("teacher.engine.distributed_executor_backend=ray", *SPLIT)
    assert check(requirements(load("paper", SPLIT), nodes, ["generate"]), nodes).verdict == "never"
    (place,) = check(requirements(load("paper", spread), nodes, ["generate"]), nodes).places
    assert (place.verdict, place.there, place.required.unit) == ("now", 8, "engine rank")


@pytest.mark.parametrize(("each", "gpus"), [(0.5, 2), (1, 4), (0, 0)])
def test_engine_gpus_of_the_recipe_are_per_rank(each: float, gpus: float) -> None:
    cluster = Cluster(engine_cpus=2, engine_gpus=each)
    assert cluster.engine_bundle({"tensor_parallel_size": 4}, False) == {"CPU": 2, "GPU": gpus}


def test_an_actor_that_uses_an_endpoint_requests_no_gpu() -> None:
    assert Cluster(engine_cpus=2, engine_gpus=4).engine_bundle(None, True) == {"CPU": 2, "GPU": 0}


def test_a_recipe_may_set_whether_training_uses_gpus() -> None:
    assert Cluster(train_gpus=1).trains_on_gpus(False)
    assert not Cluster(train_gpus=0).trains_on_gpus(True)
    assert Cluster().trains_on_gpus(True)


@pytest.mark.ray
def test_an_engine_requests_gpus_that_only_the_autoscaler_can_add() -> None:
    machine = {"resources": {"CPU": 8, "GPU": 4}, "node_config": {}, "max_workers": 1}
    with raylets({"max_workers": 1, "available_node_types": {"gpu": machine}}) as cluster:
        done = subprocess.run(
            [sys.executable, "-c", BUNDLE],
            cwd=ROOT,
            env=cluster.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert json.loads(done.stdout) == [{"CPU": 1, "GPU": 4}, {"CPU": 1, "GPU": 1}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cluster.storage.StorageError: node a does not", "node a does not"),
        ("KeyError: 'a'", "KeyError: 'a'"),
        ("the engine is dead: at once", "the engine is dead: at once"),
    ],
)
def test_an_error_is_shown_without_its_class_unless_that_is_built_in(
    line: str, message: str
) -> None:
    assert without_class(line) == message


@pytest.mark.ray
@pytest.mark.timeout(240)
def test_generation_refuses_at_once_an_engine_that_no_machine_can_hold(tmp_path: Path) -> None:
    with raylets({"max_workers": 1, "available_node_types": {"small": SMALL_MACHINE}}) as cluster:
        ranks = ("teacher.engine.tensor_parallel_size=4", "cluster.engine_gpus=1")
        arguments = ("generate", "pocket", *SMALL, *ranks, "--run-dir", tmp_path / "run")
        refused = run(*arguments, timeout=200, env=cluster.environment())
    assert refused.returncode == 2, refused.stderr
    assert refused.stderr == (
        f"error: the cluster at {cluster.address} can never run generate: it needs 1 engine of "
        "1 CPU and 4 GPUs at once; 0 fit now, 0 at most, because each engine needs one node and no "
        "node has more than 2 GPUs; vLLM's option distributed_executor_backend=ray spreads an "
        "engine over several nodes\n"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.ray
@pytest.mark.timeout(240)
def test_generation_waits_for_machines_and_fails_on_one_that_cannot_reach_the_run_directory(
    tmp_path: Path,
) -> None:
    if not can_hide_folders():
        pytest.skip("this machine does not allow unshare --mount")
    runs = tmp_path / "runs"
    runs.mkdir()
    arguments = ("generate", "pocket", *SMALL, "--run-dir", runs / "pocket")
    late = {"resources": {"CPU": 1}, "node_config": {"starts_after": 600}, "max_workers": 1}
    with raylets({"max_workers": 1, "available_node_types": {"late": late}}) as cluster:
        started = subprocess.Popen(
            command(*arguments),
            cwd=ROOT,
            env=cluster.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert started.stderr
        line = next(line for line in started.stderr if "waiting" in line)
        assert "waiting for machines: 0 of 1 with 1 CPU available" in line
        cluster.add("blind", cpus=1, without=runs)
        rest = started.stderr.read()
        assert started.wait(timeout=60) == 1, rest
        assert "failed: making chains failed: node " in rest
        assert f"does not reach {runs}/pocket/chains" in rest
        assert "Traceback" not in rest

        refused = run(*arguments, timeout=120, env=cluster.environment())
        assert refused.returncode == 2, refused.stderr
        assert f"does not reach {runs}/pocket/chains" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1

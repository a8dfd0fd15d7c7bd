"""A run on a cluster: submitted over HTTP, all stages, engines and workers on different nodes,
nothing on the head."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cluster.job_cluster import JobCluster, job_cluster, run

pytestmark = [
    *(pytest.mark.ray, pytest.mark.vllm, pytest.mark.train),
    *(pytest.mark.slow, pytest.mark.timeout(900)),
]

OPTIONS = (
    "problems.counts.train=24",
    "problems.counts.test=12",
    "problems.counts.ood=6",
    "teacher.samples.min=4",
    "teacher.samples.max=4",
    "evaluate.models=[student_before,student_after]",
    "cluster.actors_min=2",
    "cluster.actors_max=2",
    "cluster.batch_tasks=8",
    "cluster.train_cpus=1",
    "train.workers=2",
    "train.batch_size=8",
    "train.micro_batch_size=4",
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[JobCluster]:
    with job_cluster() as cluster:
        cluster.add("first", cpus=1)
        cluster.add("second", cpus=1)
        yield cluster


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "run"


@pytest.fixture(scope="module")
def done(cluster: JobCluster, run_dir: Path) -> subprocess.CompletedProcess[str]:
    arguments = ("submit", "pocket", *OPTIONS, "--run-dir", run_dir)
    return run(*arguments, env=cluster.over_http(), timeout=800)


def test_a_submitted_job_runs_all_stages(
    done: subprocess.CompletedProcess[str], run_dir: Path
) -> None:
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "fits on the current nodes" in done.stdout
    assert "problems solved" in done.stdout
    record = json.loads((run_dir / "run.json").read_text())
    assert {name: stage["status"] for name, stage in record["stages"].items()} == dict.fromkeys(
        ("generate", "pairs", "train", "evaluate"), "done"
    )
    metrics = json.loads((run_dir / "evaluation" / "metrics.json").read_text())
    assert metrics["models"]["student_after"]["test"]["n"] == 12


def test_its_progress_is_streamed(done: subprocess.CompletedProcess[str]) -> None:
    for line in ("generate (teacher)", "train (dpo)", "evaluate"):
        assert f"\n{line}" in done.stdout


def test_engines_and_training_workers_are_spread_over_the_nodes(
    cluster: JobCluster, done: subprocess.CompletedProcess[str]
) -> None:
    nodes = defaultdict(set)
    for actor in actors(cluster):
        if actor["node_id"]:  # else it was not placed before its stage ended
            nodes[actor["class_name"]].add(actor["node_id"])
    head = head_id(cluster)
    engines = next(ids for name, ids in nodes.items() if "RolloutActor" in name)
    assert len(engines) == 2
    assert len(nodes["RayTrainWorker"]) == 2
    assert head not in engines | nodes["RayTrainWorker"]


def actors(cluster: JobCluster) -> list[Mapping[str, Any]]:
    """All actors that Ray has started, by its own record."""
    return _get(cluster, "/api/v0/actors?detail=1&limit=1000")["result"]["result"]


def head_id(cluster: JobCluster) -> str:
    nodes = _get(cluster, "/nodes?view=summary")["summary"]
    return next(n["raylet"]["nodeId"] for n in nodes if n["raylet"]["isHeadNode"])


def _get(cluster: JobCluster, path: str) -> Any:
    token = Path(cluster.environment()["RAY_AUTH_TOKEN_PATH"]).read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    reply = requests.get(cluster.dashboard + path, headers=headers, timeout=20)
    reply.raise_for_status()
    return reply.json()["data"]

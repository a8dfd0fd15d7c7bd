"""Generation on a cluster that has no machine yet: Ray's own autoscaler brings and takes them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import tables
from tests.pipeline.cli import run
from tests.raylets import Raylets, raylets

pytestmark = [pytest.mark.ray, pytest.mark.vllm, pytest.mark.timeout(400)]

AUTOSCALING = {
    "max_workers": 2,
    "idle_timeout_minutes": 0.1,
    "available_node_types": {
        "worker": {
            "resources": {"CPU": 1},
            "node_config": {},
            "min_workers": 0,
            "max_workers": 2,
        }
    },
}
TASKS = 200
BACKLOG = (  # 13 blocks of tasks, two at once in an engine: work for more than two engines
    f"problems.counts.train={TASKS}",
    "problems.counts.test=24",
    "problems.counts.ood=12",
    "pairs.rejected_from=[teacher]",
    "cluster.batch_tasks=16",
    "cluster.chains_in_flight=32",
    "cluster.actors_max=2",
)
LEAVE_SECONDS = 60


@pytest.fixture
def cluster() -> Iterator[Raylets]:
    with raylets(AUTOSCALING) as cluster:
        yield cluster


def test_machines_come_for_a_backlog_and_leave_when_it_is_done(
    cluster: Raylets, tmp_path: Path
) -> None:
    run_dir, log = tmp_path / "run", tmp_path / "nodes"
    with cluster.watched(log):
        wanted = ("generate", "pocket", *BACKLOG, "--run-dir", run_dir)
        done = run(*wanted, timeout=300, env=cluster.environment())
        assert done.returncode == 0, done.stderr[-3000:]
        until = time.monotonic() + LEAVE_SECONDS
        while counts(log)[-1] > 0 and time.monotonic() < until:
            time.sleep(0.5)
    seen = counts(log)
    assert seen[0] == 0
    assert max(seen) == 2
    assert seen[-1] == 0, "the machines did not leave"
    assert "2 engines" in done.stderr  # each takes the one CPU that a machine has
    rows = tables.rows(run_dir / "chains", ["failure"])
    assert told_prometheus(cluster) == Counter(row["failure"] or "right" for row in rows)
    chains = [row["task_id"] for row in tables.rows(run_dir / "chains", ["task_id"])]
    tasks = [row["task_id"] for row in tables.rows(run_dir / "tasks", ["task_id"])]
    assert len(tasks) == TASKS
    assert sorted(chains) == sorted(tasks)


def told_prometheus(cluster: Raylets) -> dict[str, float]:
    """How many chains came to what, once all are told: Ray exports every few seconds."""
    until, found = time.monotonic() + LEAVE_SECONDS, {}
    while sum(found.values()) < TASKS and time.monotonic() < until:
        found = cluster.metrics("ray_apprentice_chains_total", "outcome")
        time.sleep(1)
    return found


def counts(log: Path) -> list[int]:
    """How many machines there were, twice a second."""
    return [int(line) for line in log.read_text().split()]

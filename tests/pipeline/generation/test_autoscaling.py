"""Generation on a cluster without machines: Ray's own autoscaler adds and removes them.

The engines are simulated and take their time; machines, actors and metrics are real.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import tables
from tests.conftest import ROOT
from tests.pipeline.generation.simulated import command, write_recipe
from tests.raylets import Raylets, raylets

pytestmark = [pytest.mark.ray, pytest.mark.timeout(400)]

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
ENGINE = {"max_num_seqs": 8, "seconds_per_step": {"1": 0.05, "8": 0.05}}  # 45 s for all tasks
CLUSTER = {"batch_tasks": 16, "chains_in_flight": 32, "actors_max": 2}
LEAVE_SECONDS = 60


@pytest.fixture
def cluster() -> Iterator[Raylets]:
    with raylets(AUTOSCALING) as cluster:
        yield cluster


def test_machines_are_added_for_a_backlog_and_removed_when_it_is_done(
    cluster: Raylets, tmp_path: Path
) -> None:
    run_dir, log = tmp_path / "run", tmp_path / "nodes"
    recipe = write_recipe(tmp_path / "recipe", TASKS, 1, ENGINE, CLUSTER)
    with cluster.watched(log):
        done = subprocess.run(
            command(recipe, run_dir),
            cwd=ROOT,
            env=cluster.environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        deadline = time.monotonic() + LEAVE_SECONDS
        while node_counts(log)[-1] > 0 and time.monotonic() < deadline:
            time.sleep(0.5)
    nodes = node_counts(log)
    assert nodes[0] == 0
    assert max(nodes) == 2
    assert nodes[-1] == 0, "the machines were not removed"
    assert "2 engines" in done.stderr  # each uses the only CPU of a machine
    rows = tables.rows(run_dir / "chains", ["failure"])
    assert exported_chains(cluster) == Counter(row["failure"] or "right" for row in rows)
    chains = [row["task_id"] for row in tables.rows(run_dir / "chains", ["task_id"])]
    tasks = [row["task_id"] for row in tables.rows(run_dir / "tasks", ["task_id"])]
    assert len(tasks) == TASKS
    assert sorted(chains) == sorted(tasks)


def exported_chains(cluster: Raylets) -> dict[str, float]:
    """Counts of chains by outcome, once Ray has exported all; it exports every few seconds."""
    deadline, counts = time.monotonic() + LEAVE_SECONDS, {}
    while sum(counts.values()) < TASKS and time.monotonic() < deadline:
        counts = cluster.metrics("ray_apprentice_chains_total", "outcome")
        time.sleep(1)
    return counts


def node_counts(log: Path) -> list[int]:
    """Number of machines, sampled twice a second."""
    return [int(line) for line in log.read_text().split()]

"""An engine over several nodes: the placement group in which vLLM starts its ranks through Ray.

vLLM does this only on GPUs. So the engine is simulated, the nodes only declare GPUs, and ranks are
started as vLLM starts them (its v1/executor/ray_executor.py): one actor per bundle with a GPU in
the placement group of the engine's actor.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline import tables
from tests.conftest import ROOT
from tests.pipeline.generation.simulated import SimulatedEngine, write_recipe
from tests.raylets import raylets

SPREAD = {
    "max_num_seqs": 8,
    "tensor_parallel_size": 2,
    "pipeline_parallel_size": 2,
    "distributed_executor_backend": "ray",
}
GENERATE = """
import json, sys
from pathlib import Path
from cluster.session import connect
from tests.conftest import ROOT
from tests.pipeline.generation.simulated import generate_connected

with connect(ROOT, cpus=2):
    spread = "tests.pipeline.generation.test_spread_engine:SpreadEngine"
    generate_connected(sys.argv[1], Path(sys.argv[2]), engine=spread)
    from ray.util import placement_group_table
    print(json.dumps([group["state"] for group in placement_group_table().values()]))
"""


class Rank:
    """Stands in for vLLM's worker actor."""

    def node(self) -> str:
        """The id of its node."""
        import ray

        return ray.get_runtime_context().get_node_id()


class SpreadEngine(SimulatedEngine):
    """Starts its ranks and writes their nodes to the file in its option `nodes`."""

    def __init__(self, model: str, options: Mapping[str, Any], kv_cache_gib: float) -> None:
        import ray
        from ray.util import get_current_placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
        from vllm.ray.lazy_utils import is_in_ray_actor

        super().__init__(model, options, kv_cache_gib)
        assert is_in_ray_actor()  # otherwise vLLM does not look for a placement group
        group = get_current_placement_group()
        assert group is not None
        self._ranks = [
            ray.remote(num_cpus=0, num_gpus=1)(Rank)
            .options(scheduling_strategy=PlacementGroupSchedulingStrategy(group, index))
            .remote()
            for index, bundle in enumerate(group.bundle_specs)
            if bundle.get("GPU") == 1
        ]
        nodes = ray.get([rank.node.remote() for rank in self._ranks])
        Path(options["nodes"]).write_text(json.dumps(nodes))


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_ranks_of_an_engine_are_spread_over_the_nodes_that_they_need(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes"
    recipe = write_recipe(tmp_path, 8, 2, SPREAD | {"nodes": str(nodes)}, {"batch_tasks": 8})
    with raylets() as cluster:
        for name in ("one", "two"):
            cluster.add(name, cpus=2, gpus=2)
        done = subprocess.run(
            [sys.executable, "-c", GENERATE, str(recipe), str(tmp_path / "run")],
            cwd=ROOT,
            env=cluster.environment(),
            capture_output=True,
            text=True,
            timeout=200,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert [*Counter(json.loads(nodes.read_text())).values()] == [2, 2]
    assert sum(1 for _ in tables.rows(tmp_path / "run" / "chains")) == 16
    assert json.loads(done.stdout.splitlines()[-1]) == ["REMOVED"]

"""cluster.yaml in Ray's own loader, as far as possible without a cloud account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

pytestmark = pytest.mark.ray


def _read() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


def _load(config: dict[str, Any]) -> dict[str, Any]:
    """Prepare and validate a file as `ray up` does before it contacts the cloud."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(config)
    validate_config(prepared)
    return prepared


def test_rays_loader_accepts_cluster_yaml() -> None:
    prepared = _load(_read())
    assert prepared["head_node_type"] == "head"
    assert prepared["available_node_types"]["head"]["max_workers"] == 0


def test_rays_loader_refuses_an_unknown_key() -> None:
    from jsonschema import ValidationError

    with pytest.raises(ValidationError, match="min_wrokers"):
        _load(_read() | {"min_wrokers": 1})


def test_only_workers_have_cpus_and_all_of_them_may_be_removed() -> None:
    types = _load(_read())["available_node_types"]
    assert types.pop("head")["resources"] == {"CPU": 0}
    assert set(types) == {"cpu", "teacher_gpu", "train_gpu"}
    assert [kind["min_workers"] for kind in types.values()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("requested", "added"),
    [
        ([{"CPU": 1}] * 4, {"cpu": 1}),
        ([{"CPU": 1, "GPU": 4}] * 3, {"teacher_gpu": 3}),
        ([{"CPU": 1, "GPU": 1}] * 8, {"train_gpu": 1}),
        ([{"CPU": 1, "GPU": 1}], {"teacher_gpu": 1}),
    ],
    ids=["without-gpus", "teacher-of-recipe-paper", "training-of-recipe-paper", "small-engine"],
)
def test_the_autoscaler_adds_the_intended_group_for_each_stage(
    requested: list[dict[str, int]], added: dict[str, int]
) -> None:
    from ray.autoscaler._private.resource_demand_scheduler import (
        _resource_based_utilization_scorer,
        get_nodes_for,
    )

    def score(resources: Any, demands: Any, _: str) -> Any:
        all_available: Any = None
        return _resource_based_utilization_scorer(
            resources, demands, node_availability_summary=all_available
        )

    prepared = _load(_read())
    types, head = prepared["available_node_types"], prepared["head_node_type"]
    most = prepared["max_workers"]
    nodes, unmet = get_nodes_for(types, {head: 1}, head, most, list(requested), score)
    assert dict(nodes) == added
    assert unmet == []


def test_recipe_paper_fits_once_its_machines_have_joined() -> None:
    from cluster.__main__ import STAGES
    from cluster.requirements import check
    from cluster.resources import HEAD, capacity_from
    from pipeline.generation.pool import requirements
    from pipeline.recipe.load import load

    capacity = capacity_from(({HEAD: 1.0, "CPU": 0.0},), _load(_read()))
    fit = check(requirements(load("paper"), capacity, STAGES), capacity)
    assert [place.verdict for place in fit.places] == ["later"] * 3


def test_every_mounted_file_of_the_repository_exists() -> None:
    mounts = [Path(local) for local in _read()["file_mounts"].values() if not local.startswith("~")]
    assert mounts
    assert all((ROOT / mount).exists() for mount in mounts)


def test_every_node_runs_our_setup_script_and_requires_the_token() -> None:
    prepared = _load(_read())
    for kind in ("head", "worker"):
        assert any("scripts/setup.sh" in line for line in prepared[f"{kind}_setup_commands"])
        start = prepared[f"{kind}_start_ray_commands"][-1]
        assert "RAY_AUTH_MODE=token" in start
        assert "RAY_AUTH_TOKEN_PATH=" in start
        assert "PATH=~/apprentice/.venv/bin:$PATH" in start.split()  # a job's `python`


def test_the_dashboard_listens_on_loopback_only() -> None:
    start = _read()["head_start_ray_commands"][-1]
    assert "--dashboard-host=127.0.0.1" in start.split()

"""cluster.yaml against Ray's own loader, as far as it goes without a cloud account."""

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
    """What `ray up` does with a file before it speaks to the cloud."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(config)
    validate_config(prepared)
    return prepared


def test_rays_loader_accepts_cluster_yaml() -> None:
    prepared = _load(_read())
    assert prepared["head_node_type"] == "head"
    assert prepared["available_node_types"]["head"]["max_workers"] == 0
    assert prepared["available_node_types"]["gpu"]["min_workers"] == 0
    assert prepared["available_node_types"]["gpu"]["resources"]["GPU"] >= 1


def test_rays_loader_refuses_what_it_does_not_know() -> None:
    from jsonschema import ValidationError

    with pytest.raises(ValidationError, match="min_wrokers"):
        _load(_read() | {"min_wrokers": 1})


def test_only_the_workers_take_work() -> None:
    types = _load(_read())["available_node_types"]
    assert types["head"]["resources"] == {"CPU": 0}
    assert types["gpu"]["resources"]["CPU"] >= types["gpu"]["resources"]["GPU"]


def test_every_mounted_file_of_ours_is_there() -> None:
    mounts = [Path(local) for local in _read()["file_mounts"].values() if not local.startswith("~")]
    assert mounts
    assert all((ROOT / mount).exists() for mount in mounts)


def test_every_node_is_set_up_by_our_script_and_asks_for_the_token() -> None:
    prepared = _load(_read())
    for kind in ("head", "worker"):
        assert any("scripts/setup.sh" in line for line in prepared[f"{kind}_setup_commands"])
        start = prepared[f"{kind}_start_ray_commands"][-1]
        assert "RAY_AUTH_MODE=token" in start
        assert "RAY_AUTH_TOKEN_PATH=" in start


def test_the_dashboard_answers_on_loopback_only() -> None:
    start = _read()["head_start_ray_commands"][-1]
    assert "--dashboard-host=127.0.0.1" in start.split()

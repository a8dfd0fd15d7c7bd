"""serving/config.yaml: parsed by Serve, and deployed on a cluster with `serve deploy`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from serving.app import Arguments
from tests.cluster.job_cluster import job_cluster
from tests.conftest import ROOT

CONFIG = ROOT / "serving" / "config.yaml"
SERVE = Path(sys.executable).with_name("serve")


def test_serve_accepts_the_config() -> None:
    from ray.serve.schema import ServeDeploySchema

    config = ServeDeploySchema.model_validate(yaml.safe_load(CONFIG.read_text()))
    assert config.http_options.host == "127.0.0.1"
    application = config.applications[0]
    assert application.import_path == "serving.app:build"
    Arguments.model_validate(application.args)


@pytest.mark.slow
@pytest.mark.serve
@pytest.mark.vllm
@pytest.mark.timeout(400)
def test_the_deployed_config_answers(tmp_path: Path) -> None:
    with job_cluster() as cluster:
        cluster.add("worker", 3)
        environment = cluster.environment() | {"RAY_DASHBOARD_ADDRESS": cluster.dashboard}
        deployed = subprocess.run(
            [str(SERVE), "deploy", str(_config_with_code(tmp_path))],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert deployed.returncode == 0, deployed.stderr
        until = time.monotonic() + 240
        while not _answers("http://127.0.0.1:8000"):
            status = subprocess.run([str(SERVE), "status"], env=environment, capture_output=True)
            assert time.monotonic() < until, status.stdout.decode()
            time.sleep(2)
        solved = httpx.post(
            "http://127.0.0.1:8000/v1/solve",
            json={"problem": "Tara has 4 shells. Tara finds 3 shells. How many are there now?"},
            timeout=60,
        )
        assert solved.json()["steps"]


def _config_with_code(folder: Path) -> Path:
    """Write the config with PYTHONPATH set to our code; returns its path."""
    config = yaml.safe_load(CONFIG.read_text())
    config["applications"][0]["runtime_env"] = {"env_vars": {"PYTHONPATH": str(ROOT)}}
    config["proxy_location"] = "HeadOnly"  # the nodes share one machine and so one port
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False

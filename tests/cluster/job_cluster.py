"""A cluster that accepts jobs over HTTP, and a runner of `python -m cluster`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.raylets import NOTHING, Raylets, free_port


class JobCluster(Raylets):
    """Nodes whose head has a dashboard, to which jobs are submitted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.dashboard = f"http://127.0.0.1:{free_port()}"

    def environment(self) -> dict[str, str]:
        """As in `Raylets`, with our `python` first in PATH, for jobs."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return super().environment() | {"PATH": path}

    def over_http(self) -> dict[str, str]:
        """The environment of a machine outside the cluster, with dashboard address and token."""
        return self.environment() | {"RAY_ADDRESS": self.dashboard}

    def _start(
        self, name: str, before: list[str], options: list[str], more: Mapping[str, str] = NOTHING
    ) -> None:
        if name == "head":
            options = [option for option in options if "--include-dashboard" not in option]
            options += ["--include-dashboard=true", "--dashboard-host=127.0.0.1"]
            options += [f"--dashboard-port={self.dashboard.rpartition(':')[2]}"]
            options += [f"--dashboard-agent-listen-port={free_port()}"]
        super()._start(name, before, options, more)


@contextmanager
def job_cluster(autoscaling: Mapping[str, Any] | None = None) -> Iterator[JobCluster]:
    """A cluster in a new folder, whose path is short enough for Unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    cluster = JobCluster(folder)
    try:
        cluster.start(autoscaling)
        yield cluster
    finally:
        alive = cluster.end()
        shutil.rmtree(folder, ignore_errors=True)
    assert alive == []


def run(
    *arguments: object, env: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `python -m cluster` and wait for its end."""
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cluster", *map(str, arguments)]

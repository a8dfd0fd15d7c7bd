"""Ray clusters of several nodes on this machine, one `ray start` per node.

Each node has its own folders: in shared ones a new node unpacks the job's code again and so deletes
it under the others. All processes are in process groups that end with the cluster. Each cluster has
its own token, port and folder, so that several clusters can run at once.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.request import urlopen

import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import ROOT

RAY = Path(sys.executable).with_name("ray")
STORE_BYTES = 256 * 2**20
START_SECONDS = 60
NOTHING: Mapping[str, str] = MappingProxyType({})

WATCH = """
import time, ray
ray.init(logging_level="ERROR", log_to_driver=False)
while True:
    print(sum(node["Alive"] for node in ray.nodes()) - 1, flush=True)
    time.sleep(0.5)
"""


class Raylets:
    """A cluster: a head without CPUs, and added nodes."""

    def __init__(self, folder: Path) -> None:
        import ray

        self._folder = folder
        self._groups: list[subprocess.Popen[bytes]] = []
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        self._host = ray.util.get_node_ip_address()
        self.address = f"{self._host}:{free_port()}"
        self._metrics_port = free_port()
        self._auth = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
        self._auth |= {"RAY_USAGE_STATS_ENABLED": "0"}

    def start(self, autoscaling: Mapping[str, Any] | None) -> None:
        """Start the head, and Ray's autoscaler if its configuration is given."""
        port = self.address.rpartition(":")[2]
        options = [
            *("--head", f"--port={port}", f"--temp-dir={self._folder}"),
            *("--num-cpus=0", "--num-gpus=0", "--include-dashboard=false"),
            f"--ray-client-server-port={free_port()}",
            f"--metrics-export-port={self._metrics_port}",
        ]
        more: dict[str, str] = {}
        if autoscaling is not None:
            more = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
            more["PYTHONPATH"] = str(ROOT)  # so that the autoscaler can import tests.machines
            file = self._folder / "autoscaling.yaml"
            file.write_text(json.dumps(self._complete(autoscaling)))  # JSON is YAML
            options.append(f"--autoscaling-config={file}")
        self._start("head", [], options, more)

    def environment(self) -> dict[str, str]:
        """This process's environment, for a command that joins the cluster."""
        variables = {
            name: value for name, value in os.environ.items() if not name.startswith("RAY_")
        }
        return variables | self._auth | {"RAY_ADDRESS": self.address}

    def metrics(self, name: str, label: str) -> dict[str, float]:
        """Values of a Prometheus metric of the head, summed by `label`."""
        sums: Counter[str] = Counter()
        with urlopen(f"http://{self._host}:{self._metrics_port}/metrics", timeout=10) as response:
            for family in text_string_to_metric_families(response.read().decode()):
                for sample in family.samples:
                    if sample.name == name:
                        sums[sample.labels[label]] += sample.value
        return dict(sums)

    def add(self, name: str, cpus: int, without: Path | None = None, gpus: int = 0) -> None:
        """Add a node. If `without` is given, the node sees an empty file system at that folder. Its
        `gpus` are only declared, not real."""
        command = []
        if without is not None:
            hide = 'mount -t tmpfs none "$0" && exec "$@"'
            command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", hide]
            command.append(str(without))
        options = [f"--address={self.address}", f"--num-cpus={cpus}", f"--num-gpus={gpus}"]
        self._start(name, command, [*options, f"--temp-dir={self._folder / name}"])

    def family(self) -> list[psutil.Process]:
        """All processes of the cluster."""
        parents = [psutil.Process(group.pid) for group in self._groups if group.poll() is None]
        return [child for parent in parents for child in (parent, *parent.children(recursive=True))]

    def lose(self, index: int = -1) -> None:
        """Kill a node, by default the last one, as if its machine were switched off."""
        group = self._groups.pop(index)
        os.killpg(group.pid, signal.SIGKILL)
        group.wait()

    @contextmanager
    def watched(self, log: Path) -> Iterator[None]:
        """Write the number of live nodes, without the head, to `log` every 0.5 seconds."""
        watcher = self._popen([sys.executable, "-c", WATCH], log)
        try:
            yield
        finally:
            watcher.kill()
            watcher.wait()

    def end(self) -> list[psutil.Process]:
        """End all processes; returns those still alive, normally none."""
        family = self.family()
        for group in self._groups:
            if group.poll() is None:
                os.killpg(group.pid, signal.SIGKILL)
            group.wait()
        _, alive = psutil.wait_procs(family, timeout=30)
        return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]

    def _start(
        self, name: str, before: list[str], options: list[str], more: Mapping[str, str] = NOTHING
    ) -> None:
        sizes = ["--block", f"--object-store-memory={STORE_BYTES}"]
        command = [*before, str(RAY), "start", *options, *sizes]
        log = self._folder / f"{name}.log"
        self._groups.append(self._popen(command, log, more))
        until = time.monotonic() + START_SECONDS
        while b"Ray runtime started" not in log.read_bytes():
            ended = self._groups[-1].poll() is not None
            if ended or time.monotonic() > until:
                raise AssertionError(f"no {name} at {self.address}: {log.read_text()[-2000:]}")
            time.sleep(0.2)

    def _complete(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A configuration of Ray's autoscaler whose nodes are processes on this machine.

        Nodes are identified by their ids, as they share an IP address; otherwise none counts as
        idle.
        """
        provider = {
            "type": "external",
            "module": "tests.machines.Machines",
            "folder": str(self._folder),
            "store_bytes": STORE_BYTES,
            "disable_node_updaters": True,
            "use_node_id_as_ip": True,
            "gcs_address": self.address,
        }
        head = {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0}
        steps = ("initialization", "setup", "head_setup", "worker_setup")
        steps += ("head_start_ray", "worker_start_ray")
        return {
            "cluster_name": "test",
            "provider": provider,
            "head_node_type": "ray.head.default",
            "auth": {},
            "file_mounts": {},
            "cluster_synced_files": [],
            "file_mounts_sync_continuously": False,
            "rsync_exclude": [],
            "rsync_filter": [],
            **{f"{step}_commands": [] for step in steps},
            **config,
            "available_node_types": {"ray.head.default": head, **config["available_node_types"]},
        }

    def _popen(
        self, command: list[str], log: Path, more: Mapping[str, str] = NOTHING
    ) -> subprocess.Popen[bytes]:
        with log.open("wb") as file:
            return subprocess.Popen(
                command,
                env=self.environment() | more,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@contextmanager
def raylets(autoscaling: Mapping[str, Any] | None = None) -> Iterator[Raylets]:
    """A cluster in a temporary folder whose path is short enough for Unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="nodes-"))
    cluster = Raylets(folder)
    try:
        cluster.start(autoscaling)
        yield cluster
    finally:
        alive = cluster.end()
        shutil.rmtree(folder, ignore_errors=True)
    assert alive == []


def free_port() -> int:
    """A free TCP port."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def can_hide_folders() -> bool:
    """Whether a process may mount its own file system over a folder."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command).returncode == 0

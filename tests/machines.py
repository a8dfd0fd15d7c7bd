"""A node provider for Ray's autoscaler whose nodes are `ray start` processes on this machine.

Ray's own fake nodes share the head's folders: a new node unpacks the job's code again and so
deletes it under the running nodes. Here each node has its own folders.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider
from ray.autoscaler.tags import (
    NODE_KIND_WORKER,
    STATUS_UP_TO_DATE,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_NAME,
    TAG_RAY_NODE_STATUS,
)

RAY = Path(sys.executable).with_name("ray")


class Machines(FakeMultiNodeProvider):
    """Used by the autoscaler's process; its nodes stay in the autoscaler's process group."""

    def create_node_with_resources_and_labels(
        self,
        node_config: dict[str, Any],
        tags: dict[str, str],
        count: int,
        resources: dict[str, float],
        labels: dict[str, str],
    ) -> None:
        with self.lock:
            for _ in range(count):
                node_id = self._next_hex_node_id()
                defaults = {
                    TAG_RAY_NODE_KIND: NODE_KIND_WORKER,
                    TAG_RAY_NODE_NAME: node_id,
                    TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE,
                }
                self._nodes[node_id] = {
                    "tags": defaults | tags,
                    "node": self._start(node_id, resources, node_config.get("starts_after", 0)),
                }

    def _start(
        self, node_id: str, resources: dict[str, float], after_seconds: float
    ) -> subprocess.Popen[bytes]:
        folder = Path(self.provider_config["folder"]) / node_id[-3:]
        options = [
            *(f"--address={self._gcs_address}", f"--temp-dir={folder}", "--block"),
            *(f"--num-cpus={resources['CPU']:g}", "--num-gpus=0"),
            f"--object-store-memory={self.provider_config['store_bytes']}",
        ]
        environment = os.environ | {"RAY_OVERRIDE_NODE_ID_FOR_TESTING": node_id}
        del environment["PYTHONPATH"]  # a node gets our code with the job
        wait = ["sh", "-c", 'sleep "$0" && exec "$@"', f"{after_seconds}"]
        return subprocess.Popen([*wait, RAY, "start", *options], env=environment)

    def _terminate_node(self, node: dict[str, Any]) -> None:
        node["node"].terminate()
        node["node"].wait()

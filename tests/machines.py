"""A node provider of Ray's autoscaler whose machines are `ray start` processes on this one.

Ray's own fake nodes share the head's folders. A node that comes unpacks the job's code anew, and
so takes it away from under the nodes that came before; here each has folders of its own.
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
    """Started by the autoscaler's process, in whose process group its machines stay."""

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
                own = {
                    TAG_RAY_NODE_KIND: NODE_KIND_WORKER,
                    TAG_RAY_NODE_NAME: node_id,
                    TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE,
                }
                self._nodes[node_id] = {
                    "tags": own | tags,
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
        del environment["PYTHONPATH"]  # a machine gets our code with the job
        wait = ["sh", "-c", 'sleep "$0" && exec "$@"', f"{after_seconds}"]
        return subprocess.Popen([*wait, RAY, "start", *options], env=environment)

    def _terminate_node(self, node: dict[str, Any]) -> None:
        node["node"].terminate()
        node["node"].wait()

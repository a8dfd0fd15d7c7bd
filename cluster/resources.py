"""The nodes that a cluster has now, and those that its autoscaler can add.

    present()["CPU"], ceiling()["GPU"]      needs a connection to Ray
    capacity().places({"GPU": 4})           how many engines of 4 GPUs fit: now, at most

Ray's open-source autoscalers do not publish their node groups, neither in the GCS nor on the
dashboard. They run beside the head, as a process whose command line names the file with the groups,
so that file is read there. Without such a process (KubeRay runs its own in another container) the
nodes that can be added are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

Bundle = Mapping[str, float]  # resource -> amount, such as {"CPU": 1, "GPU": 4}

HEAD_SECONDS = 60.0  # timeout for a worker to start on the head
HEAD = "node:__internal_head__"  # the resource by which Ray marks the head


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """Nodes of one kind that the autoscaler can add, at most `most` at once."""

    name: str
    resources: Bundle
    most: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """The current nodes, and those that the autoscaler can add."""

    nodes: tuple[Bundle, ...]
    groups: tuple[NodeGroup, ...] = ()
    most_workers: int = 0  # limit over all groups
    known: bool = True  # False: the nodes that can be added are unknown

    @property
    def present(self) -> dict[str, float]:
        """Per resource, the sum over the current nodes."""
        return {name: self._sum(name) for node in self.nodes for name in node}

    @property
    def ceiling(self) -> dict[str, float]:
        """Per resource, the most that the cluster has or can grow to."""
        names = [*self.present, *(name for group in self.groups for name in group.resources)]
        return {name: max(self._sum(name), self._grown({name: 1})) for name in names}

    def places(self, bundle: Bundle) -> tuple[int, int]:
        """How many bundles fit: on the current nodes, and at most after growing."""
        now = sum(_fit(bundle, node) for node in self.nodes)
        return now, max(now, self._grown(bundle))

    def too_small(self, bundle: Bundle) -> dict[str, float]:
        """The resources that no single node has enough of for the bundle: its largest amount."""
        nodes = [*self.nodes, *(group.resources for group in self.groups if group.most)]
        most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in bundle}
        return {name: amount for name, amount in most.items() if amount < bundle[name]}

    def _sum(self, name: str) -> float:
        return sum(node.get(name, 0) for node in self.nodes)

    def _grown(self, bundle: Bundle) -> int:
        """Bundles that fit on the head and the most workers, the workers that fit most first."""
        total = sum(_fit(bundle, node) for node in self.nodes if HEAD in node)
        left = self.most_workers
        fits = sorted((_fit(bundle, group.resources), group.most) for group in self.groups)
        for fit, most in reversed(fits):
            total += fit * min(most, left)
            left -= min(most, left)
        return total


def present() -> dict[str, float]:
    """Resources that the connected cluster has now."""
    return capacity().present


def ceiling() -> dict[str, float]:
    """The most that the connected cluster has or can grow to; `present` if that is unknown."""
    return capacity().ceiling


def capacity() -> Capacity:
    """The nodes that the connected cluster has and can add."""
    import ray

    command = _autoscaler_command(ray.get_runtime_context().gcs_address)
    config = _config_on_head() if command is None else _autoscaler_config(command)
    return capacity_from(nodes(), config)


def nodes() -> tuple[Bundle, ...]:
    """The resources of each current node of the connected cluster."""
    import ray

    return tuple(node["Resources"] for node in ray.nodes() if node["Alive"])


def this_machine() -> Capacity:
    """The capacity of a private Ray on this machine; starts nothing."""
    from ray._private.accelerators import NvidiaGPUAcceleratorManager
    from ray._private.utils import get_num_cpus

    gpus = NvidiaGPUAcceleratorManager.get_current_node_num_accelerators()
    return Capacity(({"CPU": get_num_cpus(), "GPU": gpus, HEAD: 1},))


def capacity_from(nodes: tuple[Bundle, ...], config: Mapping[str, Any] | None) -> Capacity:
    """Capacity from the nodes and the autoscaler's configuration: {} for none, None if unknown."""
    if config is None:
        return Capacity(nodes, known=False)
    head, most = config.get("head_node_type"), config.get("max_workers", 0)
    groups = tuple(
        NodeGroup(name, kind.get("resources", {}), kind.get("max_workers", most))
        for name, kind in config.get("available_node_types", {}).items()
        if name != head
    )
    return Capacity(nodes, groups, most)


def _fit(bundle: Bundle, node: Bundle) -> int:
    """How many bundles fit on one empty node."""
    needed = {name: amount for name, amount in bundle.items() if amount}
    return int(min((node.get(name, 0) / amount for name, amount in needed.items()), default=0))


def _autoscaler_command(gcs: str) -> list[str] | None:
    """The command line of this cluster's autoscaler, None if it does not run on this machine."""
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        autoscaler = any("/autoscaler/" in p and p.endswith("/monitor.py") for p in command)
        if autoscaler and f"--gcs-address={gcs}" in command:
            return command
    return None


def _autoscaler_config(command: list[str]) -> dict[str, Any]:
    """The configuration that an autoscaler was started with, {} if it only monitors."""
    option = "--autoscaling-config="
    for part in command:
        if part.startswith(option):
            return yaml.safe_load(Path(part.removeprefix(option)).expanduser().read_text())
    return {}


def _config_on_head() -> dict[str, Any] | None:
    """The configuration, read on the head; None if it runs no autoscaler or does not answer."""
    import ray
    from ray.exceptions import GetTimeoutError

    gcs = ray.get_runtime_context().gcs_address

    def read() -> dict[str, Any] | None:
        command = _autoscaler_command(gcs)
        return None if command is None else _autoscaler_config(command)

    task = ray.remote(num_cpus=0, resources={HEAD: 0.001})(read).remote()
    try:
        return ray.get(task, timeout=HEAD_SECONDS)
    except GetTimeoutError:
        return None

"""What machines a cluster has now, and what its autoscaler may bring.

    present()["CPU"], ceiling()["GPU"]      needs Ray connected
    capacity().places({"GPU": 4})           how many engines of 4 GPUs find a node: now, ever

Ray's open-source autoscalers keep their node groups to themselves: neither the GCS nor the
dashboard tells what may come. They run beside the head, as a process whose command line names the
file with the groups, so that file is read there. Where no such process is found (KubeRay runs its
own in another container), what may come is not known.

Not here: who needs what (`cluster.requirements`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

Bundle = Mapping[str, float]  # resource -> amount, such as {"CPU": 1, "GPU": 4}

HEAD_SECONDS = 60.0  # in which the head must have started a worker
HEAD = "node:__internal_head__"  # Ray's own resource of the head


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """Nodes of one kind that the autoscaler may start, `most` of them at once."""

    name: str
    resources: Bundle
    most: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """The nodes that are there, and what may come to the head."""

    nodes: tuple[Bundle, ...]
    groups: tuple[NodeGroup, ...] = ()
    most_workers: int = 0  # of all groups together
    known: bool = True  # False: whether and what an autoscaler brings cannot be told

    @property
    def present(self) -> dict[str, float]:
        """The sum of all nodes that are there."""
        return {name: self._sum(name) for node in self.nodes for name in node}

    @property
    def ceiling(self) -> dict[str, float]:
        """Per resource, the most that is there or may come."""
        names = [*self.present, *(name for group in self.groups for name in group.resources)]
        return {name: max(self._sum(name), self._grown({name: 1})) for name in names}

    def places(self, bundle: Bundle) -> tuple[int, int]:
        """How many bundles find a node: on the nodes that are there, and after growing."""
        now = sum(_fit(bundle, node) for node in self.nodes)
        return now, max(now, self._grown(bundle))

    def too_small(self, bundle: Bundle) -> dict[str, float]:
        """Of what no single node has or may have enough for the bundle: the most that one has."""
        nodes = [*self.nodes, *(group.resources for group in self.groups if group.most)]
        most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in bundle}
        return {name: amount for name, amount in most.items() if amount < bundle[name]}

    def _sum(self, name: str) -> float:
        return sum(node.get(name, 0) for node in self.nodes)

    def _grown(self, bundle: Bundle) -> int:
        """Bundles on the head and on as many workers as may come, the roomiest first."""
        total = sum(_fit(bundle, node) for node in self.nodes if HEAD in node)
        left = self.most_workers
        rooms = sorted((_fit(bundle, group.resources), group.most) for group in self.groups)
        for room, most in reversed(rooms):
            total += room * min(most, left)
            left -= min(most, left)
        return total


def present() -> dict[str, float]:
    """What the joined cluster has now."""
    return capacity().present


def ceiling() -> dict[str, float]:
    """What the joined cluster has or may come to have; the same as `present` where not known."""
    return capacity().ceiling


def capacity() -> Capacity:
    """What the joined cluster has and may come to have."""
    import ray

    command = _monitor(ray.get_runtime_context().gcs_address)
    config = _ask_head() if command is None else _config(command)
    return of(nodes(), config)


def nodes() -> tuple[Bundle, ...]:
    """What each node has that the joined cluster has now."""
    import ray

    return tuple(node["Resources"] for node in ray.nodes() if node["Alive"])


def this_machine() -> Capacity:
    """What a private Ray on this machine would have; starts nothing."""
    from ray._private.accelerators import NvidiaGPUAcceleratorManager
    from ray._private.utils import get_num_cpus

    gpus = NvidiaGPUAcceleratorManager.get_current_node_num_accelerators()
    return Capacity(({"CPU": get_num_cpus(), "GPU": gpus, HEAD: 1},))


def of(nodes: tuple[Bundle, ...], config: Mapping[str, Any] | None) -> Capacity:
    """From the nodes and the autoscaler's configuration: {} without one, None where not known."""
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
    asked = {name: amount for name, amount in bundle.items() if amount}
    return int(min((node.get(name, 0) / amount for name, amount in asked.items()), default=0))


def _monitor(gcs: str) -> list[str] | None:
    """The command line of this cluster's autoscaler, where it runs on this machine."""
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        ours = any("/autoscaler/" in p and p.endswith("/monitor.py") for p in command)
        if ours and f"--gcs-address={gcs}" in command:
            return command
    return None


def _config(command: list[str]) -> dict[str, Any]:
    """The configuration that an autoscaler was started with, {} where it only looks on."""
    option = "--autoscaling-config="
    for part in command:
        if part.startswith(option):
            return yaml.safe_load(Path(part.removeprefix(option)).expanduser().read_text())
    return {}


def _ask_head() -> dict[str, Any] | None:
    """The configuration, read by a task on the head; None where it does not answer."""
    import ray
    from ray.exceptions import GetTimeoutError

    gcs = ray.get_runtime_context().gcs_address

    def read() -> dict[str, Any] | None:
        command = _monitor(gcs)
        return None if command is None else _config(command)

    asked = ray.remote(num_cpus=0, resources={HEAD: 0.001})(read).remote()
    try:
        return ray.get(asked, timeout=HEAD_SECONDS)
    except GetTimeoutError:
        return None

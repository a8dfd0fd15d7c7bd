"""Check that every node of a job reaches the folder that the job writes to.

    with marked(folder) as mark:      the driver creates a file with a random name in it
        check_nodes(mark)             looks for the file on every current node
        check(mark)                   in each worker as it starts, also on nodes added later

    check_folder(folder)              checks this machine and the current nodes before a job starts

Both remove the file at the end.
"""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

MARK_PREFIX = ".reached-"
NODES_SECONDS = 60  # timeout of `check_nodes`; the workers of a slower node check it themselves


class StorageError(ValueError):
    """A node does not reach a folder that it must write to; one sentence for the operator."""


@contextmanager
def marked(folder: Path) -> Iterator[str]:
    """Keep a mark file in `folder` while a job works there; yields its path.

    The random name proves the folder: another machine's folder of the same name lacks that file,
    and no network file system has its absence cached.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"{MARK_PREFIX}*"):  # of a driver that was killed
        stale.unlink(missing_ok=True)
    mark = folder.resolve() / f"{MARK_PREFIX}{secrets.token_hex(8)}"
    mark.touch()
    try:
        yield str(mark)
    finally:
        mark.unlink(missing_ok=True)


def check_folder(folder: Path) -> None:
    """Raise StorageError if this machine cannot write to `folder`, or if a current node of the
    connected Ray, if any, does not reach it. Removes the folders that it created."""
    import ray

    folder = folder.absolute()
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with marked(folder) as mark:
            if ray.is_initialized():
                check_nodes(mark)
    except OSError as error:
        raise StorageError(
            f"--run-dir {folder} cannot be written on {platform.node()}: {error.strerror}"
        ) from None
    finally:
        for path in created:
            with suppress(OSError):  # another process wrote into it meanwhile
                path.rmdir()


def check(mark: str) -> None:
    """Raise StorageError if this machine does not see `mark`."""
    if not os.path.exists(mark):
        raise StorageError(_message(_this_node(), mark))


def check_nodes(mark: str) -> None:
    """Raise StorageError if a current node does not see `mark`.

    Needs a connection to Ray. Starts no task if this machine is the only node.
    """
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"]]
    if len(nodes) < 2:
        return
    workers = [n["NodeID"] for n in nodes if {"CPU", "GPU"} & n["Resources"].keys()]
    tasks = [_look_on_node(node_id, mark) for node_id in workers]
    ready, _ = ray.wait(tasks, num_returns=len(tasks), timeout=NODES_SECONDS)
    for node in filter(None, map(_result, ready)):
        raise StorageError(_message(node, mark))


def _look_on_node(node_id: str, mark: str) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    pinned = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(_node_without).options(num_cpus=0, scheduling_strategy=pinned).remote(mark)


def _node_without(mark: str) -> str | None:
    """This node's name if it does not see `mark`, else None."""
    return None if os.path.exists(mark) else _this_node()


def _result(task: Any) -> str | None:
    import ray
    from ray.exceptions import NodeDiedError, TaskUnschedulableError, WorkerCrashedError

    try:
        return ray.get(task)
    except (NodeDiedError, TaskUnschedulableError, WorkerCrashedError):
        return None  # the node left the cluster meanwhile


def _this_node() -> str:
    import ray

    return f"{platform.node()} ({ray.util.get_node_ip_address()})"


def _message(node: str, mark: str) -> str:
    return (
        f"node {node} does not reach {os.path.dirname(mark)}, where the run is written; "
        "give --run-dir a folder on storage that every node mounts at the same path"
    )

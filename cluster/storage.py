"""Whether a folder that a job works in is reached by every node that works on it.

    with marked(folder) as mark:      the driver leaves a file of a random name there
        check_nodes(mark)             tries it on every node that is there now
        check(mark)                   in a worker as it starts, whenever its node came

    try_folder(folder)                all that before a job is started, leaving nothing behind

Not here: what is written into the folder, and how.
"""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PREFIX = ".reached-"
PATIENCE_SECONDS = 60  # for nodes that are there; a slower one is tried by its own workers


class StorageError(ValueError):
    """A node does not reach a folder that it has to write to; one sentence for the operator."""


@contextmanager
def marked(folder: Path) -> Iterator[str]:
    """Leave a mark in `folder` as long as a job works there; gives the mark's path.

    The name is new each time: another machine's folder of the same name does not hold it, and no
    network file system has it cached as absent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{PREFIX}*"):  # by a driver that was killed
        left.unlink(missing_ok=True)
    mark = folder.resolve() / f"{PREFIX}{secrets.token_hex(8)}"
    mark.touch()
    try:
        yield str(mark)
    finally:
        mark.unlink(missing_ok=True)


def try_folder(folder: Path) -> None:
    """Raise StorageError where this machine cannot write to `folder`, or where Ray is connected and
    one of the nodes that are there does not reach it. Folders that were made for it go again."""
    import ray

    folder = folder.absolute()
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with marked(folder) as mark:
            if ray.is_initialized():
                check_nodes(mark)
    except OSError as error:
        raise StorageError(
            f"--run-dir {folder} cannot be written on {platform.node()}: {error.strerror}"
        ) from None
    finally:
        for path in made:
            with suppress(OSError):  # another has put something into it meanwhile
                path.rmdir()


def check(mark: str) -> None:
    """Raise StorageError where this machine does not see `mark`."""
    if not os.path.exists(mark):
        raise StorageError(_sentence(_this_node(), mark))


def check_nodes(mark: str) -> None:
    """Raise StorageError where one of the nodes that are there does not see `mark`.

    Needs Ray connected. Starts nothing where this machine is the only node.
    """
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"]]
    if len(nodes) < 2:
        return
    workers = [n["NodeID"] for n in nodes if {"CPU", "GPU"} & n["Resources"].keys()]
    answers = [_look_on(node_id, mark) for node_id in workers]
    ready, _ = ray.wait(answers, num_returns=len(answers), timeout=PATIENCE_SECONDS)
    for blind in filter(None, map(_answer, ready)):
        raise StorageError(_sentence(blind, mark))


def _look_on(node_id: str, mark: str) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    pinned = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(_blind).options(num_cpus=0, scheduling_strategy=pinned).remote(mark)


def _blind(mark: str) -> str | None:
    """This node's name where it does not see `mark`."""
    return None if os.path.exists(mark) else _this_node()


def _answer(ready: Any) -> str | None:
    import ray
    from ray.exceptions import NodeDiedError, TaskUnschedulableError, WorkerCrashedError

    try:
        return ray.get(ready)
    except (NodeDiedError, TaskUnschedulableError, WorkerCrashedError):
        return None  # a node that left meanwhile needs to see nothing


def _this_node() -> str:
    import ray

    return f"{platform.node()} ({ray.util.get_node_ip_address()})"


def _sentence(node: str, mark: str) -> str:
    return (
        f"node {node} does not reach {os.path.dirname(mark)}, where the run is written; "
        "give --run-dir a folder on storage that every node mounts at the same path"
    )

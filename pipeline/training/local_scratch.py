"""Folders that last as long as the process that made them, also one that is killed.

Checkpoints are first written to such a folder: with a large model, hundreds of gigabytes that a
killed worker leaves on its node. The next worker there removes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "apprentice-train-"
LOCK = ".lock"  # held by the folder's owner; the kernel lets go of it however a process ends


@contextlib.contextmanager
def scratch(place: Path) -> Iterator[Path]:
    """A folder in `place`, on the node's own disk; first removes what dead processes left there."""
    for left in place.glob(f"{PREFIX}*"):
        _remove_without_owner(left)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=place) as name:
        folder = Path(name)
        with (folder / ".unlocked").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / ".unlocked").rename(folder / LOCK)  # never seen without being held
            yield folder


def _remove_without_owner(folder: Path) -> None:
    # OSError: its owner lives, or it is another user's, or another worker has just removed it
    with contextlib.suppress(OSError), (folder / LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)

"""Temporary folders that are removed after their process ends, even if it was killed.

Checkpoints are first written to such a folder. With a large model, a killed worker leaves hundreds
of gigabytes on its node; the next worker on that node removes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "apprentice-train-"
LOCK = ".lock"  # held by the folder's owner; the kernel releases it however the process ends


@contextlib.contextmanager
def scratch(place: Path) -> Iterator[Path]:
    """A temporary folder in `place`, on the node's disk; first removes those of dead processes."""
    for other in place.glob(f"{PREFIX}*"):
        _remove_without_owner(other)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=place) as name:
        folder = Path(name)
        with (folder / ".unlocked").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / ".unlocked").rename(folder / LOCK)  # never visible without being locked
            yield folder


def _remove_without_owner(folder: Path) -> None:
    # OSError: its owner is alive, or it belongs to another user, or another worker removed it
    with contextlib.suppress(OSError), (folder / LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)

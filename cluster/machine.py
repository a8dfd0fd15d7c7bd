"""What this machine has, checked before anything is started."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil

GIB = 2**30


class MachineError(ValueError):
    """The machine cannot do what is asked; the message says what is needed and what is there."""


def check_disk(folder: Path, needed_gib: float) -> None:
    """Raise MachineError where the disk of `folder` has less than `needed_gib` free."""
    existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(existing).free / GIB
    if free < needed_gib:
        raise MachineError(
            f"the disk of {folder} has {free:.1f} GiB free, at least {needed_gib:.1f} are needed"
        )


def check_memory(needed_gib: float, what: str, setting: str) -> None:
    """Raise MachineError where less than `needed_gib` of memory is free for `what`."""
    free = psutil.virtual_memory().available / GIB
    if free < needed_gib:
        raise MachineError(
            f"{what} needs about {needed_gib:.1f} GiB of memory, {free:.1f} are free; "
            f"lower {setting} or close other programs"
        )

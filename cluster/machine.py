"""Checks of this machine's disk and memory before a run starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil

GIB = 2**30


class MachineError(ValueError):
    """The machine lacks disk or memory; the message says what is needed and what is free."""


def check_disk(folder: Path, needed_gib: float) -> None:
    """Raise MachineError if the disk of `folder` has less than `needed_gib` GiB free."""
    existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(existing).free / GIB
    if free < needed_gib:
        raise MachineError(
            f"the disk of {folder} has {free:.1f} GiB free, at least {needed_gib:.1f} are needed"
        )


def check_memory(needed_gib: float, consumer: str, setting: str) -> None:
    """Raise MachineError if `consumer` needs more memory (GiB) than is free."""
    free = psutil.virtual_memory().available / GIB
    if free < needed_gib:
        raise MachineError(
            f"{consumer} needs about {needed_gib:.1f} GiB of memory, {free:.1f} are free; "
            f"lower {setting} or close other programs"
        )

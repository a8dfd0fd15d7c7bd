"""Count the threads and child processes of a process, and the memory of the children.

The limit of address space holds for one process: on kernels that cannot forbid children, each has
a limit of its own. Threads cost the kernel memory that no limit counts. Linux only; elsewhere, and
without /proc/PID/task/TID/children, there is nothing to count.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MIB = 2**20


def usage(pid: int) -> tuple[int, int]:
    """The threads of a process and all its descendants, and the descendants' memory in MiB."""
    threads, memory = 0, 0
    unseen = [pid]
    while unseen:
        process = unseen.pop()
        for children in _children(process):
            threads += 1
            unseen += children
        if process != pid:
            memory += _memory(process)
    return threads, memory // MIB


def _children(pid: int) -> Iterator[list[int]]:
    """The child processes that each thread of the process has started."""
    with suppress(OSError):  # it has ended
        for thread in os.listdir(f"/proc/{pid}/task"):
            children: list[int] = []
            with suppress(OSError):
                text = Path(f"/proc/{pid}/task/{thread}/children").read_text()
                children = [int(child) for child in text.split()]
            yield children


def _memory(pid: int) -> int:
    """The process's share of memory in bytes; pages that it shares with others count in part."""
    with suppress(OSError, StopIteration, ValueError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024
    return 0

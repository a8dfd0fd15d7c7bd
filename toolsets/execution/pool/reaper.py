"""Collect killed processes without waiting for any of them.

A killed process that sleeps uninterruptibly, on a disk that does not answer, ends whenever the
kernel wakes it; waiting for it would stall all other workers.
"""

from __future__ import annotations

import time
from typing import Protocol

_PAUSE_SECONDS = 0.01


class Process(Protocol):
    """The part of subprocess.Popen that is needed."""

    def poll(self) -> int | None:
        """The exit status, or None while the process has not ended."""
        ...


class Reaper:
    """Killed processes that have not ended yet; belongs to one thread."""

    def __init__(self) -> None:
        self._killed: list[Process] = []

    def add(self, process: Process) -> None:
        """Collect this process once it has ended."""
        self._killed.append(process)

    def reap(self) -> bool:
        """Collect what has ended; returns whether some processes have not."""
        if self._killed:
            self._killed = [process for process in self._killed if process.poll() is None]
        return bool(self._killed)

    def wait(self, seconds: float) -> bool:
        """Reap for at most `seconds`; returns whether some processes have not ended then."""
        end = time.monotonic() + seconds
        while (left := self.reap()) and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS)
        return left

"""The memory of a worker process: how much its calls may take, whether they gave it back.

Measured and limited as address space, on Linux; elsewhere memory has no limit.
"""

from __future__ import annotations

import os
import resource
import sys

MIB = 2**20


class Memory:
    """Limits this process to what it takes now and `mib` more; `most_mib` for some calls.

    Where `most_mib` is None, the process, or one that it starts, may lift its limit.
    """

    def __init__(self, mib: int, most_mib: int | None) -> None:
        self._statm = os.open("/proc/self/statm", os.O_RDONLY) if sys.platform == "linux" else None
        self._taken = self._size()
        self._allowed = mib
        self._most = resource.RLIM_INFINITY
        if most_mib is not None:
            self._most = self._taken + max(mib, most_mib) * MIB
        self._half = mib * MIB // 2
        self._ordinary = self._taken + self._half
        self._modules = len(sys.modules)
        self._limit(mib)

    def allow(self, mib: int) -> None:
        """Let the next call take this much."""
        if mib != self._allowed:
            self._limit(mib)

    def is_kept(self) -> bool:
        """Whether a call kept so much that later ones would lack it: half of the limit.

        What a call imported is for later ones, too, and does not count.
        """
        size = self._size()
        if len(sys.modules) > self._modules:
            self._modules, self._ordinary = len(sys.modules), size + self._half
        return size > self._ordinary

    def _limit(self, mib: int) -> None:
        self._allowed = mib
        if self._statm is not None:
            resource.setrlimit(resource.RLIMIT_AS, (self._taken + mib * MIB, self._most))

    def _size(self) -> int:
        if self._statm is None:
            return 0
        try:
            return int(os.pread(self._statm, 64, 0).split()[0]) * resource.getpagesize()
        except OSError:  # a function closed it: who knows what else
            return sys.maxsize

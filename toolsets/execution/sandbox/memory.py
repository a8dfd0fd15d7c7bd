"""Limit the memory of a worker process, and detect calls that do not free it.

Memory is measured and limited as address space, on Linux; elsewhere it has no limit.
"""

from __future__ import annotations

import os
import resource
import sys

MIB = 2**20


class Memory:
    """Limits this process to its current size plus `mib`; single calls to up to `most_mib` more.

    If `most_mib` is None, the process and its children may lift the limit.
    """

    def __init__(self, mib: int, most_mib: int | None) -> None:
        self._statm = os.open("/proc/self/statm", os.O_RDONLY) if sys.platform == "linux" else None
        self._initial = self._size()
        self._allowed = mib
        self._most = resource.RLIM_INFINITY
        if most_mib is not None:
            self._most = self._initial + max(mib, most_mib) * MIB
        self._allowance = mib * MIB // 2
        self._leak_threshold = self._initial + self._allowance
        self._modules = len(sys.modules)
        self._limit(mib)

    def allow(self, mib: int) -> None:
        """Limit the next call to `mib`."""
        if mib != self._allowed:
            self._limit(mib)

    def is_leaking(self) -> bool:
        """Whether calls keep more than half of the limit, which later calls would lack.

        Modules that a call imported do not count, as later calls use them too.
        """
        size = self._size()
        if len(sys.modules) > self._modules:
            self._modules, self._leak_threshold = len(sys.modules), size + self._allowance
        return size > self._leak_threshold

    def _limit(self, mib: int) -> None:
        self._allowed = mib
        if self._statm is not None:
            resource.setrlimit(resource.RLIMIT_AS, (self._initial + mib * MIB, self._most))

    def _size(self) -> int:
        if self._statm is None:
            return 0
        try:
            return int(os.pread(self._statm, 64, 0).split()[0]) * resource.getpagesize()
        except OSError:  # a function closed it, and perhaps other files
            return sys.maxsize

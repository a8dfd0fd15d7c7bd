"""Attempts to use more memory or time than the limits of a call."""

from __future__ import annotations

import itertools
import mmap
import os
import re
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable


def _grow(step: Callable[[], object]) -> None:
    kept = []
    while True:
        kept.append(step())


def _recurse(depth: int = 0) -> int:
    return _recurse(depth + 1)


def _recurse_without_limit() -> int:
    sys.setrecursionlimit(2**31 - 1)
    return _recurse()


def _nest(depth: int) -> object:
    nested: object = []
    for _ in range(depth):
        nested = [nested]
    return nested


def _spin() -> None:
    while True:
        pass


def _spin_without_signals() -> None:
    for number in (signal.SIGALRM, signal.SIGPROF, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _spin()


def _spin_without_timers() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.setitimer(signal.ITIMER_PROF, 0)
    _spin()


def _spin_and_catch() -> None:
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


def _raise_limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class _EndlessText:
    def __str__(self) -> str:
        _spin()
        return ""


class _LongText:
    def __str__(self) -> str:
        return "x" * 10**8


HARMLESS: tuple[str, ...] = ()
LIMITED = (
    *("take 10 GB", "take gigabytes of text", "grow a list", "grow slowly", "grow a set", "shift"),
    *(
        "format widely",
        "multiply a list",
        "recurse without limit",
        "spin",
        "sleep",
        "spin without signals",
    ),
    *("spin without timers", "spin and catch", "spin in C", "raise to a power", "backtrack"),
    *("backtrack in a search", "spin in str()", "return a long text"),
)
ATTEMPTS: dict[str, Callable[[], object]] = {
    "take 10 GB": lambda: bytearray(10**10),
    "take gigabytes of text": lambda: "x" * 10**10,
    "take 10 GB of the system": lambda: mmap.mmap(-1, 10**10),
    "take shared memory": lambda: mmap.mmap(-1, 10**10, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS),
    "take a file in memory": lambda: os.truncate(os.memfd_create("x"), 10**10),
    "write a file in memory": lambda: os.write(os.memfd_create("x"), bytes(2**20)),
    "grow a list": lambda: _grow(lambda: bytearray(2**20)),
    "grow slowly": lambda: _grow(lambda: [0] * 1000),
    "grow a set": lambda: set(itertools.count()),
    "shift": lambda: 1 << 10**12,
    "format widely": lambda: format(1, ">10000000000"),
    "multiply a list": lambda: [0] * 10**10,
    "open files": lambda: _grow(lambda: os.open(os.devnull, os.O_RDONLY)),
    "open pipes": lambda: _grow(os.pipe),
    "open sockets": lambda: _grow(socket.socketpair),
    "recurse": _recurse,
    "recurse without limit": _recurse_without_limit,
    "return a deep list": lambda: _nest(100_000),
    "spin": _spin,
    "sleep": lambda: time.sleep(3600),
    "spin without signals": _spin_without_signals,
    "spin without timers": _spin_without_timers,
    "spin and catch": _spin_and_catch,
    "spin in C": lambda: sum(itertools.repeat(0)),
    "raise to a power": lambda: 7 ** (10**9),
    "backtrack": lambda: re.match(r"(a+)+$", "a" * 40 + "b"),
    "backtrack in a search": lambda: re.search(r"(x+x+)+y", "x" * 60),
    "spin in str()": lambda: _EndlessText(),
    "return a long text": lambda: _LongText(),
    "write a long integer": lambda: str(10**5000),
    "read a long integer": lambda: int("9" * 5000),
    "raise limits": _raise_limits,
    "raise the hard limit of files": lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (10**6, 10**6)
    ),
}

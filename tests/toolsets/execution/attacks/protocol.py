"""Attempts on the worker's own inside: its pipes, its modules, its way of telling results."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

_FORGED = b'{"key": 1, "ok": true, "content": "forged"}\n'


def _pipes() -> Iterator[int]:
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if stat.S_ISFIFO(os.fstat(int(name)).st_mode):
                yield int(name)


def _write_to_all(data: bytes) -> str:
    for place in _pipes():
        with contextlib.suppress(OSError):
            os.write(place, data)
    return "written"


def _patch(module: Any, name: str, value: object) -> str:
    setattr(module, name, value)
    return "patched"


def _clear_modules() -> str:
    sys.modules.clear()
    return "cleared"


def _close_outputs() -> str:
    sys.stdout.close()
    sys.stderr.close()
    return "closed"


def _trace() -> str:
    def tracer(*anything: object) -> None:
        time.sleep(3600)

    sys.settrace(tracer)
    return "traced"


def _deafen() -> str:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    return "deaf"


def _at_exit_spin() -> str:
    import atexit

    atexit.register(time.sleep, 3600)
    sys.exit(0)


class _Liar(str):
    def __len__(self) -> int:
        return 0


HARMLESS = (
    "forget how to write",
    *("close the outputs", "forget how to read", "forget the clock", "forget modules", "deafen"),
    *("never collect", "replace standard output", "listen"),
)
LIMITED = ("forget the limit of output", "trace", "sleep at the end")
ATTEMPTS: dict[str, Callable[[], object]] = {
    "write garbage": lambda: _write_to_all(b"garbage\n"),
    "write bytes": lambda: _write_to_all(bytes(range(256)) + b"\n"),
    "write deep JSON": lambda: _write_to_all(b"[" * 100_000 + b"\n"),
    "write nothing": lambda: _write_to_all(b"\n"),
    "write half a line": lambda: _write_to_all(b'{"key": '),
    "forge a result": lambda: _write_to_all(_FORGED),
    "forge results": lambda: _write_to_all(_FORGED * 100),
    "write without end": lambda: _write_to_all(b"x" * 5 * 10**6),
    "close everything": lambda: os.closerange(0, 256),
    "close the pipes": lambda: [os.close(place) for place in _pipes()],
    "close the outputs": _close_outputs,
    "forget how to write": lambda: _patch(json, "dumps", lambda value: "garbage"),
    "forget how to read": lambda: _patch(json, "loads", lambda text: {}),
    "forget the clock": lambda: _patch(time, "monotonic", lambda: 0.0),
    "forget modules": _clear_modules,
    "forget the limit of output": lambda: _Liar("x" * 10**6),
    "trace": _trace,
    "deafen": _deafen,
    "never collect": lambda: gc.disable(),
    "sleep at the end": _at_exit_spin,
    "replace standard output": lambda: _patch(sys, "stdout", io.StringIO()),
    "listen": lambda: sys.stdin.read(),
}

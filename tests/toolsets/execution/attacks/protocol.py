"""Attempts on the internals of a worker: its pipes, modules and replies."""

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


def _ignore_alarm() -> str:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    return "deaf"


def _sleep_at_exit() -> str:
    import atexit

    atexit.register(time.sleep, 3600)
    sys.exit(0)


class _FalseLength(str):
    def __len__(self) -> int:
        return 0


# Results that the worker must refuse or mend itself
RAW: dict[str, Callable[[], object]] = {
    "return a generator": lambda: (_ for _ in range(3)),
    "return an endless generator": lambda: iter(int, 1),
    "return nan": lambda: float("nan"),
    "return infinity in a list": lambda: [1, [float("inf")]],
    "return nan in a dict": lambda: {"a": float("nan")},
    "return an object": object,
    "return a function": lambda: print,
    "return bytes": lambda: b"bytes",
    "return the modules": lambda: sys.modules,
    "return a lone surrogate": lambda: "\ud800",
    "return lone surrogates in a list": lambda: ["\udfff", {"\ud800": 1}],
}
HARMLESS = (
    *("return a lone surrogate", "return lone surrogates in a list"),
    "patch json.dumps",
    *(
        "close the outputs",
        "patch json.loads",
        "patch time.monotonic",
        "clear sys.modules",
        "ignore the alarm",
    ),
    *("disable garbage collection", "replace standard output", "read standard input"),
)
LIMITED = ("fake the length of the output", "trace", "sleep at exit")
ATTEMPTS: dict[str, Callable[[], object]] = RAW | {
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
    "patch json.dumps": lambda: _patch(json, "dumps", lambda value: "garbage"),
    "patch json.loads": lambda: _patch(json, "loads", lambda text: {}),
    "patch time.monotonic": lambda: _patch(time, "monotonic", lambda: 0.0),
    "clear sys.modules": _clear_modules,
    "fake the length of the output": lambda: _FalseLength("x" * 10**6),
    "trace": _trace,
    "ignore the alarm": _ignore_alarm,
    "disable garbage collection": lambda: gc.disable(),
    "sleep at exit": _sleep_at_exit,
    "replace standard output": lambda: _patch(sys, "stdout", io.StringIO()),
    "read standard input": lambda: sys.stdin.read(),
}

"""One worker process as its executor sees it: started, asked, killed, replaced.

Not here: what happens inside the process (`toolsets.worker`).
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from toolsets.call import ToolResult
from toolsets.errors import ToolsetError
from toolsets.toolset import Toolset

GRACE_SECONDS = 1.0  # from the worker's own alarm to the kill from outside
START_SECONDS = 60.0  # enough to import a large library from a cold disk
ROOT = Path(__file__).resolve().parent.parent


class WorkerProcess:
    """A process that executes one call at a time; replaced when it hangs or dies.

    All methods but `kill` belong to one thread, which must live as long as the worker is needed:
    the kernel ends the process when the thread that started it ends.
    """

    def __init__(self, toolset: Toolset, seconds: float, memory_mib: int) -> None:
        self._toolset = toolset
        self._seconds = seconds
        self._memory_mib = memory_mib
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._unread = b""
        self._lock = threading.Lock()  # so that `kill` never meets a process id used anew

    def start(self) -> None:
        """Start the process without waiting for it to load the toolset."""
        limits = (str(self._seconds), str(self._memory_mib), str(os.getpid()))
        process = subprocess.Popen(
            [sys.executable, "-m", "toolsets.worker", self._toolset.name, *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=_environment(),
            start_new_session=True,  # Ctrl-C at the terminal is not for workers
        )
        with self._lock:
            self._process, self._ready, self._unread = process, False, b""

    def run(self, name: str, request: bytes) -> ToolResult:
        """Execute a request line, a call of function `name`.

        Raises ToolsetError where the process cannot load the toolset.
        """
        self._send(request)
        try:
            reply = self._read(self._seconds + GRACE_SECONDS)
        except TimeoutError:
            self._replace()
            return timed_out(name, self._seconds)
        if reply is None:
            self._replace()
            message = f"{name}: the function ended its process"
            return ToolResult(False, message, "function_error")
        if reply.pop("last"):
            self._replace()
        return ToolResult(**reply)

    def kill(self) -> None:
        """End the process and its children now; for any thread."""
        with self._lock:
            if self._process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Kill the process and wait for its end."""
        self.kill()
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(BrokenPipeError):  # the rest of a request that was never taken
                    pipe.close()  # type: ignore[union-attr]  # both were asked for

    def _replace(self) -> None:
        self.stop()
        with suppress(OSError):  # the next call tries again and says why
            self.start()

    def _send(self, request: bytes) -> None:
        try:
            self._write(request)
        except BrokenPipeError:  # it died between two calls: nobody's fault here
            self.stop()
            self._write(request)

    def _write(self, request: bytes) -> None:
        if self._process is None:
            self.start()
        if not self._ready:
            self._await_ready()
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(request)
        self._process.stdin.flush()

    def _await_ready(self) -> None:
        try:
            greeting = self._read(START_SECONDS)
        except TimeoutError:
            greeting = {"error": f"it takes longer than {START_SECONDS:g} s"}
        if greeting is None:
            greeting = {"error": "the process ended"}
        if greeting.get("tools", names := list(self._toolset.tool_names)) != names:
            greeting = {"error": f"it found {greeting['tools']} in place of {names}"}
        if "error" in greeting:
            self.stop()
            name = self._toolset.name
            raise ToolsetError(f"a worker cannot load toolset {name!r}: {greeting['error']}")
        self._ready = True

    def _read(self, seconds: float) -> dict[str, Any] | None:
        """The next line, None where the process ended; raises TimeoutError."""
        assert self._process is not None and self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        end = time.monotonic() + seconds
        while b"\n" not in self._unread:
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                raise TimeoutError
            if not (chunk := os.read(pipe, 2**16)):
                return None
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)


def timed_out(name: str, seconds: float) -> ToolResult:
    """The result of a call of function `name` that took too long."""
    return ToolResult(False, f"{name}: took longer than {seconds:g} s", "limit_exceeded")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(entry) for entry in sys.path),
        "PYTHONHASHSEED": "0",  # the same call gives the same text, whatever order a set has
        "OPENBLAS_NUM_THREADS": "1",  # every thread takes address space
        "OMP_NUM_THREADS": "1",
    }

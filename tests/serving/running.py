"""A real service, started as a user starts it: `python -m serving up pocket`."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from pipeline.problems.pocket.world import problems
from pipeline.records import Problem
from tests.conftest import ROOT

START_SECONDS = 200  # timeout, on a machine that is busy with other tests


@dataclass(frozen=True)
class Running:
    """A running service, with address, key and process."""

    url: str
    key: str
    log: Path
    ray_folder: Path  # with Ray's logs
    ray: dict[str, str]  # environment variables for joining this Ray
    process: subprocess.Popen[bytes]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A client without a limit on connections."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers=self.headers,
            timeout=120,
            limits=httpx.Limits(max_connections=None),
            **options,
        )

    def processes(self) -> list[psutil.Process]:
        """The service's processes, including those of Ray."""
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(True)]

    def ray_address(self) -> str:
        """The address of the service's Ray; other Rays may run on the machine."""
        arguments = [argument for p in self.processes() for argument in _arguments(p)]
        matches = (re.fullmatch(r"--gcs[-_]address=(.+)", argument) for argument in arguments)
        return next(match[1] for match in matches if match)

    def replica(self, deployment: str) -> psutil.Process:
        """The process of the only replica of `deployment`."""
        replica = re.compile(rf"ray::ServeReplica:.*:{deployment}(\.\w+)?")
        lines = ((p, " ".join(_arguments(p)).strip()) for p in self.processes())
        replicas = [process for process, line in lines if replica.fullmatch(line)]
        assert len(replicas) == 1, f"{len(replicas)} replicas of {deployment}"
        return replicas[0]


@contextmanager
def serving(
    folder: Path, *overrides: str, key: str = "", model: str = "pocket"
) -> Iterator[Running]:
    """Run `python -m serving up MODEL`; Ctrl-C stops it at the end of the block."""
    port = free_port()
    ray_folder = Path("/tmp") / f"as{secrets.token_hex(3)}"  # a short path, for Unix sockets
    ray_folder.mkdir(mode=0o700)
    log = folder / "up.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    token = ray_folder / "token"
    token.write_text(secrets.token_hex(32))
    ray = {
        "RAY_TMPDIR": str(ray_folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
    }
    environment |= ray | {"APPRENTICE_API_KEY": key}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving", "up", model, f"serving.port={port}", *overrides],
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(f"http://127.0.0.1:{port}", key, log, ray_folder, ray, process)
    try:
        _wait_until_up(running)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        subprocess.run(["rm", "-rf", str(ray_folder)], check=True)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unseen_problems(count: int, seed: int = 1) -> list[Problem]:
    """Problems of the pocket world that its models were not trained on."""
    return list(problems(count, seed, "test"))


def wait_for(condition: Any, seconds: float, what: str) -> None:
    """Wait until `condition()` is true; fail after `seconds`, naming `what`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.2)


def _wait_until_up(running: Running) -> None:
    def up() -> bool:
        assert running.process.poll() is None, running.log.read_text()
        return "Ctrl-C stops it" in running.log.read_text()

    wait_for(up, START_SECONDS, "the service is up")


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # the process has ended
        return []

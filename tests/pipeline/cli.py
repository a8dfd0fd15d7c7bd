"""Runs commands of `python -m pipeline` as a user types them, in a separate process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import ROOT

SMALL = (
    "problems.counts.train=48",
    "problems.counts.test=24",
    "problems.counts.ood=12",
    "cluster.batch_tasks=16",
)


def run(
    *arguments: object, timeout: float = 280, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in the environment `env`, by default without a Ray cluster."""
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment() if env is None else env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def start(*arguments: object, log: Path) -> subprocess.Popen[bytes]:
    """Start one command that writes its output to `log`."""
    with log.open("wb") as file:
        return subprocess.Popen(
            command(*arguments),
            cwd=ROOT,
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pipeline", *map(str, arguments)]


def environment() -> dict[str, str]:
    """This process's environment without the variables of a Ray cluster."""
    return {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}

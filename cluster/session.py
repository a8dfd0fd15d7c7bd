"""Connecting to Ray: the cluster that RAY_ADDRESS names, else a private one on this machine.

The private one listens on loopback only, has no dashboard, and requires a token that is generated
for it and never written into the user's home.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.reach import ConnectError, check_head

OBJECT_STORE_BYTES = 512 * 2**20
# Environment variables of all workers, on any machine.
WORKER_SETTINGS = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


@contextmanager
def connect(root: Path, cpus: int | None = None) -> Iterator[None]:
    """Connect to Ray. `root` is the application's folder, which is uploaded to a joined cluster.

    Raises ConnectError if the cluster does not answer.
    """
    _set_environment()
    address = os.environ.get("RAY_ADDRESS")
    with tempfile.TemporaryDirectory(prefix="apprentice-") as private:
        if address:
            check_head(address)
        else:
            _set_private_token(Path(private))
        import ray

        if ray.is_initialized():
            yield
            return
        options = _cluster_options(root) if address else _private_options(cpus)
        try:
            with _native_stderr_dropped():
                ray.init(
                    **options,
                    log_to_driver=bool(os.environ.get("APPRENTICE_WORKER_LOGS")),
                    logging_level=logging.ERROR,
                )
        except (ConnectionError, RuntimeError, ValueError) as error:
            failed = f"join the Ray cluster at {address}" if address else "start a private Ray"
            raise ConnectError(f"cannot {failed}: {' '.join(str(error).split())}") from None
        try:
            yield
        finally:
            ray.shutdown()


def _cluster_options(root: Path) -> dict[str, Any]:
    """Options for joining a cluster; its address is in the environment."""
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:  # a submitted job has its own runtime_env
        return {}
    return {"runtime_env": {"working_dir": str(root), "env_vars": WORKER_SETTINGS}}


def _private_options(cpus: int | None) -> dict[str, Any]:
    """Options of a private Ray: this machine only, no dashboard."""
    return {
        "address": "local",
        "num_cpus": cpus,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }


@contextmanager
def _native_stderr_dropped() -> Iterator[None]:
    """Drop what native code writes to standard error, such as Ray's line about its log level."""
    sys.stderr.flush()
    stderr = os.dup(2)
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(devnull)


def _set_private_token(folder: Path) -> None:
    """Write a new token into `folder` for the private Ray, unless the environment names one."""
    if "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ:
        return
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)


def _set_environment() -> None:
    """Set what workers inherit; must run before ray is imported."""
    python_path = filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")])
    os.environ["PYTHONPATH"] = os.pathsep.join(python_path)
    defaults = WORKER_SETTINGS | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        "RAY_BACKEND_LOG_LEVEL": "fatal",  # hides messages meant for Ray's developers
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)

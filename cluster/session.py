"""Connecting to Ray: a cluster where RAY_ADDRESS names one, else a private one on this machine.

The private one answers on loopback only, has no dashboard, and asks for a token that is made for it
alone and never written into the user's home.

Not here: what is wrong with an address (`cluster.reach`), what runs there, jobs (`cluster.jobs`).
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

from cluster.reach import ConnectError, ask

OBJECT_STORE_BYTES = 512 * 2**20
# What workers need in their environment, wherever they run.
WORKER_SETTINGS = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


@contextmanager
def connect(root: Path, cpus: int | None = None) -> Iterator[None]:
    """Be connected to Ray. `root` is the application's folder, shipped to a cluster that is joined.

    Raises ConnectError where the cluster does not answer.
    """
    _quiet()
    address = os.environ.get("RAY_ADDRESS")
    with tempfile.TemporaryDirectory(prefix="apprentice-") as private:
        if address:
            ask(address)
        else:
            _private_token(Path(private))
        import ray

        if ray.is_initialized():
            yield
            return
        options = _joined(root) if address else _local(cpus)
        try:
            with _hushed():
                ray.init(
                    **options,
                    log_to_driver=bool(os.environ.get("APPRENTICE_WORKER_LOGS")),
                    logging_level=logging.ERROR,
                )
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = f"the Ray cluster at {address} cannot be joined" if address else "no local Ray"
            raise ConnectError(f"{where}: {' '.join(str(error).split())}") from None
        try:
            yield
        finally:
            ray.shutdown()


def _joined(root: Path) -> dict[str, Any]:
    """Options of a cluster that is joined: its address is in the environment."""
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:  # a submitted job, which has its own
        return {}
    return {"runtime_env": {"working_dir": str(root), "env_vars": WORKER_SETTINGS}}


def _local(cpus: int | None) -> dict[str, Any]:
    """Options of a private Ray: this machine only, no dashboard."""
    return {
        "address": "local",
        "num_cpus": cpus,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }


@contextmanager
def _hushed() -> Iterator[None]:
    """Drop what native code writes to standard error, such as Ray's note of its own log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _private_token(folder: Path) -> None:
    if "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ:
        return
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)


def _quiet() -> None:
    """Settings that workers inherit; they must stand before ray is imported."""
    here = filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")])
    os.environ["PYTHONPATH"] = os.pathsep.join(here)
    defaults = WORKER_SETTINGS | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        "RAY_BACKEND_LOG_LEVEL": "fatal",  # Ray's own notes to its developers
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)

"""Runs sent to a cluster through Ray's Job API, and followed: HTTP, so from any machine.

    jobs = Jobs("http://127.0.0.1:8265")
    job_id = jobs.submit("pocket", "python -m pipeline run pocket", root)
    ended = jobs.follow(job_id, sys.stdout)

A job runs on the head and goes on when nobody follows it. Its code is the folder `root`, uploaded
without what .gitignore and Ray itself leave out (.git, .venv).

Not here: what is run (`cluster.__main__`), whether it fits (`cluster.requirements`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from cluster.reach import ANSWER_SECONDS, TOKEN_HINT, ConnectError, ask, same_versions
from cluster.session import WORKER_SETTINGS

DEFAULT_ADDRESS = "http://127.0.0.1:8265"  # what `ray dashboard cluster.yaml` forwards
LOST_SECONDS = 60.0  # without any answer, after which following gives up
RETRY_SECONDS = 2.0
SILENT_SECONDS = 60.0  # without a word, after which the log is asked for anew
STOP_SECONDS = 30.0
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
CANNOT_START = 2  # exit code of a command that changed nothing


class JobError(ValueError):
    """A job cannot be sent or found; the message is one sentence for the operator."""


class JobLost(RuntimeError):
    """The cluster stopped answering while a job was followed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended. `code`: 0, 1, or 2 where the job could not start as asked."""

    status: str
    code: int
    message: str  # Ray's, where the job's own log does not say it


class Jobs:
    """The jobs of one cluster.

    Raises ConnectError where nobody answers, the token is refused or the versions differ.
    """

    def __init__(self, address: str | None = None) -> None:
        self.address = _dashboard(address)
        self._greet()
        os.environ["RAY_API_SERVER_ADDRESS"] = self.address  # else RAY_ADDRESS would be preferred
        from ray.job_submission import JobSubmissionClient

        for name in ("ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk", "ray"):
            logging.getLogger(name).setLevel(logging.ERROR)  # they list what is not uploaded
        self._client = JobSubmissionClient(self.address)

    def submit(
        self, name: str, entrypoint: str, root: Path, environment: Mapping[str, str] | None = None
    ) -> str:
        """Send a job whose code is the folder `root`; returns its id, which begins with `name`."""
        readable = re.sub(r"[^\w.-]+", "-", name)
        try:
            return self._client.submit_job(
                entrypoint=entrypoint,
                submission_id=f"{readable}-{secrets.token_hex(4)}",
                runtime_env={
                    "working_dir": str(root),
                    "env_vars": WORKER_SETTINGS | dict(environment or {}),
                },
            )
        except (RuntimeError, ValueError) as error:  # too large a folder, say
            said = " ".join(str(error).split())
            raise JobError(f"{self.address} does not take the job: {said}") from None

    def follow(self, job_id: str, out: TextIO) -> Ended:
        """Copy the job's log to `out` until it ends.

        Raises JobError for an unknown job, JobLost where nobody answers for LOST_SECONDS.
        """
        import aiohttp

        log, details = _Log(out), self.details(job_id)
        while True:
            finished = details["status"] in ENDED  # before the log is read, so that it is whole
            try:
                asyncio.run(self._copy(job_id, log))
                if finished:
                    return _ended(details)
                details = self.details(job_id)
                log.heard = time.monotonic()
            except (OSError, RuntimeError, aiohttp.ClientError) as error:
                if time.monotonic() - log.heard > LOST_SECONDS:
                    raise JobLost(f"{self.address} does not answer any more ({error})") from None
                time.sleep(RETRY_SECONDS)

    def stop(self, job_id: str) -> str:
        """End a job; returns how it ended, which may have been before."""
        self.details(job_id)
        self._client.stop_job(job_id)
        until = time.monotonic() + STOP_SECONDS
        while (status := self.details(job_id)["status"]) not in ENDED:
            if time.monotonic() > until:
                raise JobLost(f"job {job_id} still runs {STOP_SECONDS:.0f} s after it was stopped")
            time.sleep(0.2)
        return status

    def details(self, job_id: str) -> dict[str, Any]:
        """What the cluster knows of a job; raises JobError where it knows none."""
        found = self._get(f"/api/jobs/{job_id}")
        if found is None:
            raise JobError(
                f"{self.address} knows no job {job_id!r}; python -m cluster jobs lists them"
            )
        return found

    def list(self) -> list[dict[str, Any]]:
        """All jobs that were submitted, the newest last."""
        found = [job for job in self._get("/api/jobs/") or [] if job["submission_id"]]
        return sorted(found, key=lambda job: job["start_time"] or 0)

    async def _copy(self, job_id: str, log: _Log) -> None:
        """Copy the log from its beginning, which is where Ray sends it from."""
        log.rewind()
        stream = self._client.tail_job_logs(job_id)
        with contextlib.suppress(StopAsyncIteration, TimeoutError):
            while True:
                log.add(await asyncio.wait_for(anext(stream), SILENT_SECONDS))

    def _greet(self) -> None:
        try:
            version = (self._get("/api/version") or {})["ray_version"]
            metadata = self._get("/api/v0/cluster_metadata") or {"data": {}}
        except (OSError, KeyError, TypeError):
            raise ConnectError(f"no Ray cluster answers at {self.address}") from None
        python = metadata["data"].get("pythonVersion")
        same_versions(f"the Ray cluster at {self.address}", version, python, python_parts=2)

    def _get(self, path: str) -> Any:
        """What the cluster answers, None for 404; raises OSError where it does not."""
        import requests
        from ray._private.authentication.http_token_authentication import (
            get_auth_headers_if_auth_enabled,
        )
        from ray.exceptions import AuthenticationError

        try:
            headers = get_auth_headers_if_auth_enabled({})
        except AuthenticationError as error:  # no file of that name
            raise ConnectError(f"{str(error).split('. ')[0]}; {TOKEN_HINT}") from None
        reply = requests.get(self.address + path, headers=headers, timeout=ANSWER_SECONDS)
        if reply.status_code in (401, 403):
            raise ConnectError(f"the Ray cluster at {self.address} refuses our token; {TOKEN_HINT}")
        if reply.status_code == 404:
            return None
        reply.raise_for_status()
        return reply.json()


class _Log:
    """Copies a text that may come again from its beginning, each character once.

    `heard` is when its source last answered.
    """

    def __init__(self, out: TextIO) -> None:
        self._out, self._copied, self._position = out, 0, 0
        self.heard = time.monotonic()

    def rewind(self) -> None:
        self._position = 0

    def add(self, text: str) -> None:
        self.heard = time.monotonic()
        fresh = text[max(0, self._copied - self._position) :]
        self._position += len(text)
        self._copied = max(self._copied, self._position)
        self._out.write(fresh)
        self._out.flush()


def _dashboard(address: str | None) -> str:
    """The address of a cluster's dashboard; one of a head (host:port) is asked for it."""
    names = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
    address = address or next(filter(None, map(os.environ.get, names)), DEFAULT_ADDRESS)
    if address.startswith(("http://", "https://")):
        return address.rstrip("/")
    if "://" in address:
        raise ConnectError(f"{address} is no address of a dashboard, expected http://HOST:8265")
    ask(address)
    from ray.dashboard.utils import ray_address_to_api_server_url

    return ray_address_to_api_server_url(address)


def _ended(details: dict[str, Any]) -> Ended:
    status, code = details["status"], details["driver_exit_code"]
    if status == "SUCCEEDED":
        return Ended(status, 0, "")
    told = code is not None or status == "STOPPED"
    message = "" if told else " ".join((details["message"] or "").split())
    return Ended(status, CANNOT_START if code == CANNOT_START else 1, message)

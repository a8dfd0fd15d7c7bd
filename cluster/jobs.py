"""Submit runs to a cluster and follow them, through Ray's Job API (HTTP, so from any machine).

    jobs = Jobs("http://127.0.0.1:8265")
    job_id = jobs.submit("pocket", "python -m pipeline run pocket", root)
    ended = jobs.follow(job_id, sys.stdout)

A job runs on the head and continues when nobody follows it. Its code is the folder `root`, uploaded
without the files that .gitignore and Ray itself exclude (.git, .venv).
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

from cluster.reach import ANSWER_SECONDS, TOKEN_HINT, ConnectError, check_head, check_versions
from cluster.session import WORKER_SETTINGS

DEFAULT_ADDRESS = "http://127.0.0.1:8265"  # what `ray dashboard cluster.yaml` forwards
LOST_SECONDS = 60.0  # without an answer, after which `follow` gives up
RETRY_SECONDS = 2.0
SILENT_SECONDS = 60.0  # without log output, after which the log is requested again
STOP_SECONDS = 30.0
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
CANNOT_START = 2  # exit code of a command that could not start and changed nothing


class JobError(ValueError):
    """A job cannot be submitted or does not exist; one sentence for the operator."""


class JobLost(RuntimeError):
    """The cluster stopped answering while a job was followed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended. `code`: 0, 1, or 2 if the job could not start as requested."""

    status: str
    code: int
    message: str  # Ray's reason, if the job's own log has none


class Jobs:
    """The jobs of one cluster.

    Raises ConnectError if nothing answers, the token is refused or the versions differ.
    """

    def __init__(self, address: str | None = None) -> None:
        self.address = _dashboard_address(address)
        self._check_dashboard()
        os.environ["RAY_API_SERVER_ADDRESS"] = self.address  # else Ray would use RAY_ADDRESS
        from ray.job_submission import JobSubmissionClient

        for name in ("ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk", "ray"):
            logging.getLogger(name).setLevel(logging.ERROR)  # they list the excluded files
        self._client = JobSubmissionClient(self.address)

    def submit(
        self, name: str, entrypoint: str, root: Path, environment: Mapping[str, str] | None = None
    ) -> str:
        """Submit a job with the code in `root`; returns its id, which begins with `name`."""
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
        except (RuntimeError, ValueError) as error:  # such as a folder that is too large
            reason = " ".join(str(error).split())
            raise JobError(f"{self.address} does not accept the job: {reason}") from None

    def follow(self, job_id: str, out: TextIO) -> Ended:
        """Copy the job's log to `out` until it ends.

        Raises JobError for an unknown job, JobLost after LOST_SECONDS without an answer.
        """
        import aiohttp

        log, details = _Log(out), self.details(job_id)
        while True:
            finished = details["status"] in ENDED  # read before the log, so that it is complete
            try:
                asyncio.run(self._copy(job_id, log))
                if finished:
                    return _ended(details)
                details = self.details(job_id)
                log.answered = time.monotonic()
            except (OSError, RuntimeError, aiohttp.ClientError) as error:
                if time.monotonic() - log.answered > LOST_SECONDS:
                    raise JobLost(f"{self.address} stopped answering ({error})") from None
                time.sleep(RETRY_SECONDS)

    def stop(self, job_id: str) -> str:
        """Stop a job; returns its final status, also if it had ended before."""
        self.details(job_id)
        self._client.stop_job(job_id)
        until = time.monotonic() + STOP_SECONDS
        while (status := self.details(job_id)["status"]) not in ENDED:
            if time.monotonic() > until:
                raise JobLost(f"job {job_id} still runs {STOP_SECONDS:.0f} s after the stop")
            time.sleep(0.2)
        return status

    def details(self, job_id: str) -> dict[str, Any]:
        """The cluster's record of a job; raises JobError for an unknown job."""
        details = self._get(f"/api/jobs/{job_id}")
        if details is None:
            raise JobError(
                f"{self.address} has no job {job_id!r}; python -m cluster jobs lists its jobs"
            )
        return details

    def list(self) -> list[dict[str, Any]]:
        """All submitted jobs, the newest last."""
        jobs = [job for job in self._get("/api/jobs/") or [] if job["submission_id"]]
        return sorted(jobs, key=lambda job: job["start_time"] or 0)

    async def _copy(self, job_id: str, log: _Log) -> None:
        """Copy the log; Ray sends it from its beginning each time."""
        log.rewind()
        stream = self._client.tail_job_logs(job_id)
        with contextlib.suppress(StopAsyncIteration, TimeoutError):
            while True:
                log.add(await asyncio.wait_for(anext(stream), SILENT_SECONDS))

    def _check_dashboard(self) -> None:
        try:
            version = (self._get("/api/version") or {})["ray_version"]
            metadata = self._get("/api/v0/cluster_metadata") or {"data": {}}
        except (OSError, KeyError, TypeError):
            raise ConnectError(f"no Ray cluster answers at {self.address}") from None
        python = metadata["data"].get("pythonVersion")
        check_versions(f"the Ray cluster at {self.address}", version, python, python_parts=2)

    def _get(self, path: str) -> Any:
        """The cluster's JSON answer, None for 404; raises OSError if the request fails."""
        import requests
        from ray._private.authentication.http_token_authentication import (
            get_auth_headers_if_auth_enabled,
        )
        from ray.exceptions import AuthenticationError

        try:
            headers = get_auth_headers_if_auth_enabled({})
        except AuthenticationError as error:  # the token file does not exist
            raise ConnectError(f"{str(error).split('. ')[0]}; {TOKEN_HINT}") from None
        reply = requests.get(self.address + path, headers=headers, timeout=ANSWER_SECONDS)
        if reply.status_code in (401, 403):
            raise ConnectError(f"the Ray cluster at {self.address} refuses our token; {TOKEN_HINT}")
        if reply.status_code == 404:
            return None
        reply.raise_for_status()
        return reply.json()


class _Log:
    """Copies a text that may be sent again from its beginning, each character once.

    `answered` is the time of the source's last answer.
    """

    def __init__(self, out: TextIO) -> None:
        self._out, self._copied, self._position = out, 0, 0
        self.answered = time.monotonic()

    def rewind(self) -> None:
        self._position = 0

    def add(self, text: str) -> None:
        self.answered = time.monotonic()
        new = text[max(0, self._copied - self._position) :]
        self._position += len(text)
        self._copied = max(self._copied, self._position)
        self._out.write(new)
        self._out.flush()


def _dashboard_address(address: str | None) -> str:
    """The HTTP address of a cluster's dashboard; a head (host:port) is asked for it."""
    names = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
    address = address or next(filter(None, map(os.environ.get, names)), DEFAULT_ADDRESS)
    if address.startswith(("http://", "https://")):
        return address.rstrip("/")
    if "://" in address:
        raise ConnectError(
            f"{address} is not the address of a dashboard, expected http://HOST:8265"
        )
    check_head(address)
    from ray.dashboard.utils import ray_address_to_api_server_url

    return ray_address_to_api_server_url(address)


def _ended(details: dict[str, Any]) -> Ended:
    status, code = details["status"], details["driver_exit_code"]
    if status == "SUCCEEDED":
        return Ended(status, 0, "")
    explained = code is not None or status == "STOPPED"
    message = "" if explained else " ".join((details["message"] or "").split())
    return Ended(status, CANNOT_START if code == CANNOT_START else 1, message)

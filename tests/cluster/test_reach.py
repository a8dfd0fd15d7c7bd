"""cluster.reach: real servers whose answers differ from our cluster's."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
import ray

from cluster.reach import ConnectError, check_versions
from tests.conftest import ROOT
from tests.pipeline.cli import SMALL
from tests.raylets import free_port

PYTHON = platform.python_version()
GENERATE = ("-m", "pipeline", "generate", "pocket", *SMALL, "--run-dir")
METADATA = "/ray.rpc.InternalKVGcsService/InternalKVGet"


def error_of(*arguments: object, **environment: str) -> str:
    """The one-sentence error of a command that cannot start."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=inherited | {"RAY_AUTH_MODE": "disabled"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert time.monotonic() - start < 40
    return done.stderr


def test_an_address_where_nothing_answers_is_refused(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    error = error_of(*GENERATE, tmp_path, RAY_ADDRESS=address)
    assert f"no Ray cluster answers at {address}" in error
    error = error_of("-m", "cluster", "submit", "pocket", "--address", f"http://{address}")
    assert f"no Ray cluster answers at http://{address}" in error


def test_the_address_of_a_dashboard_is_refused_as_ray_address(tmp_path: Path) -> None:
    error = error_of(*GENERATE, tmp_path, RAY_ADDRESS="http://127.0.0.1:8265")
    assert "expected host:port of a Ray head" in error
    assert "python -m cluster submit" in error


def test_a_missing_token_file_is_named() -> None:
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": "none/token"}
    assert "none/token" in error_of("-m", "cluster", "check", "pocket", RAY_ADDRESS="a:1", **token)
    assert "none/token" in error_of("-m", "cluster", "jobs", "--address", "http://a:1", **token)


def test_a_head_of_another_ray_is_not_joined(tmp_path: Path) -> None:
    with head_with("2.59.0", PYTHON) as address:
        error = error_of(*GENERATE, tmp_path, RAY_ADDRESS=address)
    assert f"has Ray 2.59.0 and Python {PYTHON}" in error
    assert f"here is Ray {ray.__version__} and Python {PYTHON}" in error


def test_a_dashboard_of_another_python_gets_no_job() -> None:
    with dashboard_with(ray.__version__, "3.12.1") as address:
        error = error_of("-m", "cluster", "submit", "pocket", "--address", address)
    assert f"has Ray {ray.__version__} and Python 3.12, here is Ray {ray.__version__}" in error


@pytest.mark.parametrize("theirs", [("2.59.0", PYTHON), (ray.__version__, "3.12.1")])
def test_another_version_of_ray_or_python_is_refused(theirs: tuple[str, str]) -> None:
    with pytest.raises(ConnectError, match=rf"has Ray {theirs[0]} and Python {theirs[1]}, here"):
        check_versions("the cluster", *theirs)


def test_a_server_that_is_not_a_dashboard_is_refused() -> None:
    with dashboard_with("", "", status=404) as address:
        error = error_of("-m", "cluster", "jobs", "--address", address)
    assert f"no Ray cluster answers at {address}" in error


def test_the_patch_version_of_python_may_differ_if_two_parts_are_compared() -> None:
    other = PYTHON.rpartition(".")[0] + ".99"
    check_versions("the cluster", ray.__version__, other, python_parts=2)
    with pytest.raises(ConnectError, match=r"Python 3\.\d+\.99, here is"):
        check_versions("the cluster", ray.__version__, other)


@contextmanager
def head_with(ray_version: str, python: str) -> Iterator[str]:
    """A gRPC server that returns these versions as a head does."""
    from ray.core.generated import gcs_service_pb2

    messages: Any = gcs_service_pb2
    metadata = json.dumps({"ray_version": ray_version, "python_version": python})

    def answer(request: Any, _: grpc.ServicerContext) -> Any:
        assert (request.namespace, request.key) == (b"cluster", b"CLUSTER_METADATA")
        return messages.InternalKVGetReply(value=metadata.encode())

    method = grpc.unary_unary_rpc_method_handler(
        answer,
        messages.InternalKVGetRequest.FromString,
        messages.InternalKVGetReply.SerializeToString,
    )
    _, service, name = METADATA.split("/")
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {name: method})])
    port = server.add_insecure_port("0.0.0.0:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@contextmanager
def dashboard_with(ray_version: str, python: str, status: int = 200) -> Iterator[str]:
    """An HTTP server that returns these versions as a dashboard does."""
    answers = {
        "/api/version": {"ray_version": ray_version},
        "/api/v0/cluster_metadata": {"data": {"pythonVersion": python}},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answers[self.path]).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()

"""The command line of serving: `python -m serving up RUN_DIR|MODEL_DIR [key=value ...]`.

Exit codes: 0 stopped by Ctrl-C; 1 failed while starting; 2 cannot start as requested, one sentence;
130 Ctrl-C before the service was up.

Heavy imports stay inside the command that needs them.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import CannotStart
from pipeline.run.command_line import ROOT, check_environment, parse

if TYPE_CHECKING:
    from serving.spec import Spec

ENGINE_GIB = 2.5  # memory of engine, ingress and functions on CPU, without the KV cache
PROXY_CALLBACK = "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"
EXAMPLE = "Paul has 159 apples. Paul gives 140 to a friend. How many apples does Paul have now?"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m serving", description="A student next to its functions, over HTTP."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="serve a student next to its functions until Ctrl-C")
    up.add_argument("source", metavar="RUN_DIR|MODEL_DIR", help="also: pocket, or a hub name")
    up.add_argument("overrides", nargs="*", metavar="key=value", help="such as serving.port=9000")
    try:
        check_environment("serving")
        parsed = parse(parser, commands.choices, arguments)
    except CannotStart as error:
        print(f"error: {error}", file=sys.stderr)
        return 2

    from cluster.machine import MachineError
    from cluster.requirements import RequirementError
    from cluster.session import ConnectError
    from pipeline.recipe.load import RecipeError
    from toolsets import ToolsetError

    try:
        return _up(parsed.source, parsed.overrides)
    except (
        CannotStart,
        ConnectError,
        MachineError,
        RecipeError,
        RequirementError,
        ToolsetError,
    ) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped before the service was up", file=sys.stderr)
        return 130


def _up(source: str, overrides: Sequence[str]) -> int:
    from cluster.session import connect
    from pipeline.engine.model_dialects import dialect_in
    from serving.spec import check_exposure, read_spec

    spec = read_spec(source, overrides)
    check_exposure(spec)
    dialect_in(spec.recipe, "student", spec.model)
    if not os.environ.get("RAY_ADDRESS"):  # else the service runs on other machines
        _prepare_machine(spec)
    stopped = threading.Event()
    print(f"starting {spec.model} with {spec.recipe.toolset} ...", flush=True)
    with connect(ROOT, cpus=_cpus(spec)):
        _check_cluster(spec)
        try:
            if not _deploy(spec):
                return 1
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stopped.set())
            print(_greeting(spec), flush=True)
            stopped.wait()
            print("\nstopping ...", flush=True)
        finally:
            _remove_serve()
    return 0


def _prepare_machine(spec: Spec) -> None:
    """Check port and memory; set the environment of the private Ray's proxy."""
    from cluster.machine import check_memory
    from serving.spec import KEY_FILE_VARIABLE, MAX_BODY_VARIABLE

    serving, kv_cache = spec.recipe.serving, spec.recipe.cluster.kv_cache_gib
    _check_port(serving.host, serving.port)
    engines = serving.student.min
    check_memory(engines * (kv_cache + ENGINE_GIB), "the service", "cluster.kv_cache_gib")
    os.environ[PROXY_CALLBACK] = "serving.protection:at_the_proxy"
    os.environ[MAX_BODY_VARIABLE] = str(serving.max_body_bytes)
    if serving.key_file:
        os.environ[KEY_FILE_VARIABLE] = str(Path(serving.key_file).expanduser().resolve())


def _check_cluster(spec: Spec) -> None:
    """Refuse a cluster that can never hold the engines, or that already runs Serve."""
    from ray import serve

    from cluster.requirements import check, refuse_never
    from cluster.resources import capacity
    from pipeline.errors import CannotStart
    from serving.app import student_requirement

    address = os.environ.get("RAY_ADDRESS")
    where = f"the cluster at {address}" if address else "this machine"
    running = serve.status()
    if running.applications or running.proxies:
        raise CannotStart(
            f"Serve already runs on {where} and would be replaced; add this application to it with "
            "serve deploy (serving/config.yaml)"
        )
    machines = capacity()
    fit = check([student_requirement(spec, machines)], machines)
    refuse_never(fit, where)
    if fit.verdict != "now":
        print("waiting for machines ...", flush=True)


def _deploy(spec: Spec) -> bool:
    """Start the application; if that fails, print the reason and return False."""
    from ray import serve
    from ray.exceptions import RayError
    from ray.serve.config import HTTPOptions
    from ray.serve.schema import LoggingConfig

    from serving.app import NAME, application

    logging.getLogger("ray.serve").setLevel(logging.WARNING)  # the reason is printed below
    serving = spec.recipe.serving
    try:
        serve.start(
            http_options=HTTPOptions(
                host=serving.host, port=serving.port, request_timeout_s=serving.request_seconds
            ),
            logging_config=LoggingConfig(log_level="WARNING"),
        )
        serve.run(application(spec), name=NAME, route_prefix="/")
    except (RuntimeError, TimeoutError, RayError) as error:
        print(f"failed: the application did not start: {_failure(error)}", file=sys.stderr)
        return False
    return True


def _failure(error: Exception) -> str:
    """The reason why the application did not start, in one line."""
    from ray import serve

    from cluster.errors import last_line
    from serving.app import NAME

    status = serve.status().applications.get(NAME)
    if status is None:
        return last_line(str(error))
    failed = [d.message for d in status.deployments.values() if d.status == "DEPLOY_FAILED"]
    return last_line(failed[0] if failed else status.message)


def _remove_serve() -> None:
    """Remove Serve from a joined cluster; a private Ray ends as a whole."""
    from ray import serve

    if os.environ.get("RAY_ADDRESS"):
        serve.shutdown()


def _cpus(spec: Spec) -> int:
    """Logical CPUs of a private Ray: at least what the replicas reserve."""
    serving, cluster = spec.recipe.serving, spec.recipe.cluster
    light = serving.ingress.max + serving.functions.max
    return max(os.cpu_count() or 1, round(serving.student.max * cluster.engine_cpus + light))


def _check_port(host: str, port: int) -> None:
    from pipeline.errors import CannotStart

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotStart(
                    f"port {port} of {host} is in use; choose another with serving.port=NUMBER"
                ) from None
            raise CannotStart(f"cannot listen on {host}, port {port}: {error.strerror}") from None


def _greeting(spec: Spec) -> str:
    from serving.spec import read_keys

    serving = spec.recipe.serving
    url = f"http://{serving.host}:{serving.port}"
    key = ' -H "Authorization: Bearer $APPRENTICE_API_KEY"' if read_keys(spec) else ""
    body = json.dumps({"problem": EXAMPLE})
    return (
        f"serving {spec.name} at {url} (Ctrl-C stops it); try\n\n"
        f"  curl {url}/v1/solve{key} -H 'Content-Type: application/json' -d '{body}'\n"
    )


if __name__ == "__main__":
    sys.exit(main())

"""The command line of serving: `python -m serving up RUN_DIR|MODEL_DIR [key=value ...]`.

Exit codes: 0 done (Ctrl-C after it was up); 2 it cannot start as asked, one sentence; 1 it failed
while starting.

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

if TYPE_CHECKING:
    from serving.spec import Spec

ROOT = Path(__file__).parents[1]
ENGINE_GIB = 2.5  # of memory that engine, ingress and functions take beside the KV cache, on CPU
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
    parsed = parser.parse_args(arguments)

    from cluster.machine import MachineError
    from cluster.session import ConnectError
    from pipeline.errors import CannotStart
    from pipeline.recipe import RecipeError
    from toolsets import ToolsetError

    try:
        return _up(parsed.source, parsed.overrides)
    except (CannotStart, ConnectError, MachineError, RecipeError, ToolsetError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped before it was up", file=sys.stderr)
        return 130


def _up(source: str, overrides: Sequence[str]) -> int:
    import toolsets
    from cluster.machine import check_memory
    from cluster.session import connect
    from serving.spec import check_exposure, read_spec

    spec = read_spec(source, overrides)
    toolsets.load(spec.recipe.toolset)
    check_exposure(spec)
    if "RAY_ADDRESS" not in os.environ:  # else it runs on other machines
        _check_port(spec.recipe.serving.host, spec.recipe.serving.port)
        kv_cache = spec.recipe.cluster.kv_cache_gib
        check_memory(kv_cache + ENGINE_GIB, "a served engine", "cluster.kv_cache_gib")
    stopped = threading.Event()
    print(f"starting {spec.model} with {spec.recipe.toolset} ...", flush=True)
    with connect(ROOT, cpus=_cpus(spec)):
        if not _deploy(spec):
            return 1
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        print(_greeting(spec), flush=True)
        stopped.wait()
        print("\nstopping ...", flush=True)
        _leave()
    return 0


def _deploy(spec: Spec) -> bool:
    """Start the application; False, with a word on the screen, where it did not come up."""
    from ray import serve
    from ray.serve.config import HTTPOptions
    from ray.serve.schema import LoggingConfig

    from serving.app import NAME, application

    logging.getLogger("ray.serve").setLevel(logging.WARNING)  # ours is the one that tells
    serving = spec.recipe.serving
    serve.start(
        http_options=HTTPOptions(
            host=serving.host, port=serving.port, request_timeout_s=serving.request_seconds
        ),
        logging_config=LoggingConfig(log_level="WARNING"),
    )
    try:
        serve.run(application(spec), name=NAME, route_prefix="/")
    except RuntimeError:
        about = serve.status().applications[NAME]
        reasons = [d.message for d in about.deployments.values() if d.status != "HEALTHY"]
        lines = (reasons[0] if reasons else about.message).strip().splitlines()
        reason = lines[-1].removeprefix("cluster.engine.EngineRefused: ")
        print(f"failed: the application did not start: {reason}", file=sys.stderr)
        _leave()
        return False
    return True


def _leave() -> None:
    """Take the application from a cluster that was joined; a private Ray ends as a whole."""
    from ray import serve

    from serving.app import NAME

    if os.environ.get("RAY_ADDRESS"):
        serve.delete(NAME)


def _cpus(spec: Spec) -> int:
    """Logical CPUs of a private Ray: what the replicas reserve, whatever this machine has."""
    serving, cluster = spec.recipe.serving, spec.recipe.cluster
    small = serving.ingress.max + serving.functions.max
    return max(os.cpu_count() or 1, round(serving.student.max * cluster.engine_cpus + small))


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
                    f"port {port} of {host} is in use; name another: serving.port=NUMBER"
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

"""Check that a cluster can be joined: it answers, accepts our token and has our versions.

This runs before Ray connects, because Ray retries for minutes and then does not say which of these
failed.
"""

from __future__ import annotations

import importlib
import json
import platform
from typing import Any

ANSWER_SECONDS = 10.0  # timeout of a request to a cluster
TOKEN_HINT = "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH to the file with the cluster's token"


class ConnectError(ValueError):
    """Ray cannot be reached or started; the message is one sentence for the operator."""


def check_head(address: str) -> None:
    """Raise ConnectError unless the head at `address` (host:port) takes our token and versions."""
    import grpc
    from ray.exceptions import AuthenticationError

    if "://" in address:
        raise ConnectError(
            f"RAY_ADDRESS is {address}, expected host:port of a Ray head, such as 10.0.0.1:6379; "
            "from another machine submit the run with python -m cluster submit"
        )
    try:
        theirs = _versions(address)
    except AuthenticationError as error:  # no token, or the token file does not exist
        raise ConnectError(f"{str(error).splitlines()[0].split('. ')[0]}; {TOKEN_HINT}") from None
    except (ConnectionError, ValueError) as error:
        raise ConnectError(f"no Ray cluster at {address}: {' '.join(str(error).split())}") from None
    except grpc.RpcError as error:
        code = error.code()  # type: ignore[attr-defined]  # every call's error has it
        if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            refused = f"the Ray cluster at {address} refuses our token"
            raise ConnectError(f"{refused}; {TOKEN_HINT}") from None
        raise ConnectError(f"no Ray cluster answers at {address} ({code.name.lower()})") from None
    if theirs is not None:
        check_versions(f"the Ray cluster at {address}", *theirs)


def check_versions(where: str, ray_version: str, python: str | None, python_parts: int = 3) -> None:
    """Raise ConnectError if the versions of Ray or Python at `where` differ from ours.

    Of Python's version the first `python_parts` parts count.
    """
    import ray

    def text(ray_version: str, python: str | None) -> str:
        of_python = f" and Python {'.'.join(python.split('.')[:python_parts])}" if python else ""
        return f"Ray {ray_version}{of_python}"

    theirs = text(ray_version, python)
    ours = text(ray.__version__, python and platform.python_version())
    if theirs != ours:
        raise ConnectError(f"{where} has {theirs}, here is {ours}; they must be the same")


def _versions(address: str) -> tuple[str, str] | None:
    """The versions of Ray and Python at `address`, or None if the head has not stored them."""
    from ray._private.grpc_utils import init_grpc_channel
    from ray._private.services import canonicalize_bootstrap_address_or_die
    from ray.core.generated.gcs_service_pb2_grpc import InternalKVGcsServiceStub

    messages: Any = importlib.import_module("ray.core.generated.gcs_service_pb2")  # untyped
    direct = [("grpc.enable_http_proxy", 0)]
    request = messages.InternalKVGetRequest(key=b"CLUSTER_METADATA", namespace=b"cluster")
    channel: Any = init_grpc_channel(canonicalize_bootstrap_address_or_die(address), direct)
    with channel:
        reply = InternalKVGcsServiceStub(channel).InternalKVGet(request, timeout=ANSWER_SECONDS)
    if not reply.value:
        return None
    metadata = json.loads(reply.value)
    return metadata["ray_version"], metadata["python_version"]

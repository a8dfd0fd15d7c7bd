"""The toolset `tests.toolsets.execution.attacks.functions:toolset`: a function that tries to break
out of the sandbox.

Each attempt has a name; `EXPECTED` has the expected outcome by name, usually an ordinary error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.toolsets.execution.attacks import (
    files,
    memory,
    network,
    processes,
    protocol,
    system_calls,
)
from toolsets import Toolset, tool

_OTHERS = (memory, network, processes, protocol, system_calls)
ATTEMPTS = {name: run for module in _OTHERS for name, run in module.ATTEMPTS.items()}
EXPECTED = dict.fromkeys([*files.ATTEMPTS, *ATTEMPTS], "function_error")
# What the kernel must be able to block (`toolsets.execution.sandbox.confinement`), by attempt
NEEDED = dict.fromkeys(files.ATTEMPTS, "changing files")
NEEDED |= dict.fromkeys(files.READS, "reading files")
NEEDED |= dict.fromkeys(network.ATTEMPTS, "the network")
NEEDED |= dict.fromkeys([*processes.ATTEMPTS, *system_calls.ATTEMPTS], "other processes")
for module in (files, *_OTHERS):
    EXPECTED |= dict.fromkeys(module.LIMITED, "limit_exceeded")
    EXPECTED |= dict.fromkeys(module.HARMLESS, "ok")


@tool
def attempt(what: str, folder: str) -> Any:
    """Execute one of the attempts."""
    if what in files.ATTEMPTS:
        return str(files.ATTEMPTS[what](Path(folder)))
    result = ATTEMPTS[what]()
    return result if what in protocol.RAW else str(result)


@tool
def echo(text: str) -> str:
    """Return the text."""
    return text


toolset = Toolset("tests.toolsets.execution.attacks.functions:toolset", (attempt, echo))

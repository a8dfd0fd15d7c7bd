"""The toolset `tests.toolsets.execution.attacks.functions:toolset`: a function that tries to break
out of the sandbox.

Each attempt has a name; `EXPECTED` has the expected outcome by name, usually an ordinary error.
"""

from __future__ import annotations

from pathlib import Path

from tests.toolsets.execution.attacks import files, memory, network, processes, protocol
from toolsets import Toolset, tool

ATTEMPTS = memory.ATTEMPTS | network.ATTEMPTS | processes.ATTEMPTS | protocol.ATTEMPTS
EXPECTED = dict.fromkeys([*files.ATTEMPTS, *ATTEMPTS], "function_error")
for module in (files, memory, network, processes, protocol):
    EXPECTED |= dict.fromkeys(module.LIMITED, "limit_exceeded")
    EXPECTED |= dict.fromkeys(module.HARMLESS, "ok")


@tool
def attempt(what: str, folder: str) -> str:
    """Execute one of the attempts."""
    if what in files.ATTEMPTS:
        return str(files.ATTEMPTS[what](Path(folder)))
    return str(ATTEMPTS[what]())


@tool
def echo(text: str) -> str:
    """Return the text."""
    return text


toolset = Toolset("tests.toolsets.execution.attacks.functions:toolset", (attempt, echo))

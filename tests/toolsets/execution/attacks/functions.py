"""The toolset `tests.toolsets.execution.attacks.functions:toolset`: functions that try to break
out.

What is tried has a name; `EXPECTED` says what must come of it. Most get an ordinary error.
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
    """Try something that no function should."""
    if what in files.ATTEMPTS:
        return str(files.ATTEMPTS[what](Path(folder)))
    return str(ATTEMPTS[what]())


@tool
def echo(text: str) -> str:
    """Give the text back."""
    return text


toolset = Toolset("tests.toolsets.execution.attacks.functions:toolset", (attempt, echo))

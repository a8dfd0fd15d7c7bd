"""The cause of a remote error in one line: Ray wraps a worker's traceback around it."""

from __future__ import annotations

import re

_WRAPPED = "The above exception was the direct cause of the following exception:"


def last_line(text: str) -> str:
    """The last line of an error's text, without its class unless the class is built in.

    If Ray Data wrapped the error in its own advice, the last line before that advice.
    """
    cause, _, advice = text.rpartition(_WRAPPED)
    if "ray.exceptions.UserCodeException: " in advice:
        text = cause
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return without_class(lines[-1]) if lines else "no reason was given"


def without_class(line: str) -> str:
    """Remove module and class from a traceback's last line, unless the class is built in."""
    return re.sub(r"^(\w+\.)+\w+: ", "", line)

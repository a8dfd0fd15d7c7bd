"""What a remote error says, for people: Ray wraps the traceback of a worker around the cause."""

from __future__ import annotations

import re

_WRAPPED = "The above exception was the direct cause of the following exception:"


def last_line(text: str) -> str:
    """The last line of an error's text, without the class of an error that is not built in; of what
    Ray Data wraps in its own advice, the last line of what was wrapped."""
    cause, _, advice = text.rpartition(_WRAPPED)
    if "ray.exceptions.UserCodeException: " in advice:
        text = cause
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return without_class(lines[-1]) if lines else "no reason was given"


def without_class(line: str) -> str:
    """A traceback's last line without the module and class of an error that is not built in."""
    return re.sub(r"^(\w+\.)+\w+: ", "", line)

"""Load a toolset by name.

load("arithmetic")                        a toolset that ships
load("arithmetic[add,divide]")            some of its tools, in this order
load("arithmetic[*,add as plus]")         one renamed, the others as they are
load("arithmetic+my_tools:toolset")       joined with a user's, `module:attribute`
load("(arithmetic+my_tools:toolset)[*,add as plus]")
"""

from __future__ import annotations

import re

from toolsets.catalog.modules import find
from toolsets.catalog.toolset import Toolset
from toolsets.errors import ToolsetError, nearest

SHIPPED = {
    "arithmetic": "toolsets.shipped.arithmetic:toolset",
    "algebra": "toolsets.shipped.algebra:toolset",
    "logic": "toolsets.shipped.logic:toolset",
    "constraints": "toolsets.shipped.constraints:toolset",
}

_BASE = re.compile(r"(?P<base>\w+(?:\.\w+)*(?::\w+)?)\s*")
_BRACKETS = re.compile(r"\[(?P<items>[^\[\]]*)\]\s*")


def load(name: str) -> Toolset:
    """Load the toolset called `name`; raises ToolsetError, which explains what is wrong."""
    toolset, rest = _read_sum(name.strip())
    if rest:
        raise _malformed(name)
    return toolset


def _read_sum(text: str) -> tuple[Toolset, str]:
    """The toolset at the start of `text`, and the text after it."""
    toolset, rest = _read_part(text)
    while rest.startswith("+"):
        part, rest = _read_part(rest[1:].lstrip())
        toolset = toolset + part
    return toolset, rest


def _read_part(text: str) -> tuple[Toolset, str]:
    if text.startswith("("):
        toolset, rest = _read_sum(text[1:].lstrip())
        if not rest.startswith(")"):
            raise _malformed(text)
        rest = rest[1:].lstrip()
    elif match := _BASE.match(text):
        toolset, rest = _load_base(match["base"]), text[match.end() :]
    else:
        raise _malformed(text)
    while match := _BRACKETS.match(rest):
        toolset, rest = toolset.select(match["items"].split(",")), rest[match.end() :]
    return toolset, rest


def _malformed(text: str) -> ToolsetError:
    form = "name, name[function,other as new,...] or name+name"
    return ToolsetError(f"toolset {text!r} is not of the form {form}")


def _load_base(base: str) -> Toolset:
    path = SHIPPED.get(base, base)
    if ":" not in path:
        hint = f"; did you mean {near}?" if (near := nearest(base, SHIPPED)) else ""
        ships = ", ".join(SHIPPED)
        raise ToolsetError(
            f"toolset {base!r} does not exist{hint} (shipped: {ships}; yours: module:attribute)"
        )
    try:
        toolset = find(path, Toolset)
    except ToolsetError as error:
        raise ToolsetError(f"toolset {base!r}: {error}") from error
    assert isinstance(toolset, Toolset)
    return toolset if base in SHIPPED else toolset.named(base)

"""Parse calls written as JSON: `{"name": "add", "arguments": {"a": 2, "b": 3}}` and similar forms.

The forms are OpenAI's `tool_calls`, the tags of open models, and agents' `tool`/`tool_input`; also
a Python dict, or the arguments after the name: `add{"a": 2, "b": 3}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from toolsets.calls import repair
from toolsets.calls.literal import (
    LONGEST_SOURCE,
    checked,
    exact_float,
    literal,
    parse_source,
    unparseable,
)
from toolsets.errors import CallError, shorten

NAMES = ("name", "function", "function_name", "tool", "tool_name", "action")
ARGUMENTS = ("arguments", "parameters", "params", "args", "kwargs", "input")
ARGUMENTS += ("tool_input", "action_input")
WRAPPERS = ("tool_calls", "tool_call", "function_calls", "function_call", "function", "calls")
IGNORED = {"id", "type", "index", "thought", "reasoning"}  # keys of a call that have no effect
FORM = 'The JSON is not of the form {"name": ..., "arguments": {...}}.'

Parts = tuple[str, tuple[Any, ...], dict[str, Any]]

_OBJECT = re.compile(r"\{\s*[\"'\u201c\u2018]")
_CALL = re.compile(r"[^\W\d]\w*[(\uff08]")
_NAME_BEFORE = re.compile(r"(?:\[TOOL_CALLS\]\s*)?([^\W\d][\w.]*)\s*(?:\[ARGS\])?")
_FUNCTION_TAG = re.compile(r"<function=([^\W\d][\w.]*)>\s*$")
_ACTION = re.compile(r"Action:\s*([^\W\d][\w.]*)[ \t]*\n[ \t]*Action Input:\s*$")


def json_call(text: str) -> Parts | None:
    """Name, positional and named arguments of the one call in `text`; None without a JSON call.

    Raises CallError if there are several calls, the JSON is broken, or it names no function.
    """
    start = _OBJECT.search(text)
    before = text[: start.start()] if start else ""
    if start is None or _CALL.search(before):
        return None
    end, missing = repair.closing(text, start.start())
    if missing:
        raise unparseable(f"The JSON is not closed: {missing} is missing at its end.")
    rest = text[end:]
    if further := len(_objects(rest)) + len(repair.calls_in(rest)):
        raise unparseable(f"The reply holds {1 + further} calls.")
    value = _read(text[start.start() : end])
    name = _function_name(before)
    return _parts(name, value) if name else _call_of(value)


def _objects(text: str) -> list[int]:
    """The start of each JSON object in `text` that is not inside another."""
    starts, end = [], 0
    for match in _OBJECT.finditer(text):
        if match.start() >= end:
            starts.append(match.start())
            end, _ = repair.closing(text, match.start())
    return starts


def _function_name(before: str) -> str:
    """The function's name at the end of the text before the JSON; empty if there is none."""
    for form in (_FUNCTION_TAG, _ACTION):
        if match := form.search(before):
            return match.group(1)
    match = _NAME_BEFORE.fullmatch(before)
    return match.group(1) if match else ""


def _read(text: str) -> Any:
    try:
        return checked(
            json.loads(
                text,
                object_pairs_hook=_unique_keys,
                parse_constant=_refuse_constant,
                parse_float=exact_float,
            )
        )
    except CallError:
        raise
    except (json.JSONDecodeError, RecursionError):
        return _read_dict(repair.as_python(text))
    except ValueError:  # more digits than Python's int() accepts
        raise unparseable("A whole number is too long.") from None


def _read_dict(text: str) -> Any:
    try:
        node = parse_source(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise unparseable("The JSON cannot be read.") from None
    return literal(node)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise unparseable(f"The argument {twice} is given twice.")
    return members


def _refuse_constant(word: str) -> Any:
    raise unparseable(f"The argument {word} is not a plain value.")


def _call_of(value: Any) -> Parts:
    """Name and arguments of the call that a JSON value encodes."""
    match value:
        case [one]:
            return _call_of(one)
        case [_, _, *_]:
            raise unparseable(f"The reply holds {len(value)} calls.")
        case dict():
            return _call_of_object(value)
    raise unparseable(FORM)


def _call_of_object(value: Mapping[str, Any]) -> Parts:
    for wrapper in WRAPPERS:
        if isinstance(inner := value.get(wrapper), dict | list):
            return _call_of(inner)
    names = [key for key in NAMES if isinstance(value.get(key), str)]
    given = [key for key in ARGUMENTS if key in value]
    if len(names) != 1 or len(given) > 1:
        if len(value) == 1 and isinstance(arguments := next(iter(value.values())), dict):
            return next(iter(value)), (), arguments
        raise unparseable(FORM)
    name = value[names[0]]
    if not given and value.keys() - IGNORED - {names[0]}:
        raise unparseable(
            f'The arguments of {shorten(name, LONGEST_SOURCE)} must stand under "arguments".'
        )
    return _parts(name, value[given[0]] if given else None)


def _parts(name: str, arguments: Any) -> Parts:
    if isinstance(arguments, str) and arguments.lstrip().startswith(("{", "[")):
        arguments = _read(arguments)
    match arguments:
        case None:
            return name, (), {}
        case dict():
            return name, (), arguments
        case list():
            return name, tuple(arguments), {}
    raise unparseable(f"The arguments of {shorten(name, LONGEST_SOURCE)} must be a JSON object.")

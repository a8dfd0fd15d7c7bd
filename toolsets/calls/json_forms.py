"""Parse calls written as JSON: `{"name": "add", "arguments": {"a": 2, "b": 3}}` and similar forms.

The forms are OpenAI's `tool_calls`, the tags of open models, and agents' `tool`/`tool_input`; also
a Python dict, keys without quotes, or the arguments after the name: `add{"a": 2, "b": 3}`. Brackets
missing at the end of the reply are added, unless a list or a number before them may be cut off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
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
from toolsets.calls.model import WrittenCall
from toolsets.calls.names import match_name
from toolsets.calls.readings import keep_latex, refuse_two_readings
from toolsets.errors import CallError, shorten

NAMES = ("name", "function", "function_name", "tool", "tool_name", "action", "recipient_name")
ARGUMENTS = ("arguments", "parameters", "params", "args", "kwargs", "input")
ARGUMENTS += ("tool_input", "action_input")
WRAPPERS = (
    "tool_calls",
    "tool_call",
    "function_calls",
    "function_call",
    "function",
    "calls",
    "tool_uses",
)
IGNORED = {
    "id",
    "type",
    "index",
    "thought",
    "reasoning",
    "tool_call_id",
    "caller",
}  # keys of a call that have no effect
FORM = 'The JSON is not of the form {"name": ..., "arguments": {...}}.'

_NAME = r"(?P<{}>[^\W\d]\w*+(?:\.\w++)*+)"
_FORMS = (  # of a name before its arguments; each is followed by {
    r"\[TOOL_CALLS\]\s*+{}(?:\s*+\[CALL_ID\]\s*+[\w-]++)?(?:\s*+\[ARGS\])?",  # Mistral
    r"<\uff5ctool\u2581call\u2581begin\uff5c>(?:function<\uff5ctool\u2581sep\uff5c>)?{}"
    r"(?:<\uff5ctool\u2581sep\uff5c>)?(?:\s*+```(?:json)?)?",  # DeepSeek
    r"<tool_call>\s*+{}\s*+(?:```(?:json)?)?",  # Hunyuan
    r"<\|tool_call_begin\|>\s*+{}(?::\d++)?\s*+<\|tool_call_argument_begin\|>",  # Kimi
    r"\bto={}(?:\s|<\|\w++\|>|(?:json|code|commentary|analysis|final|assistant)\b)*+",  # gpt-oss
    r"Action:\s*+{}[ \t]*+\n[ \t]*+Action Input:",  # ReAct
    r"<(?:\w+:)?function(?:=|\s+name=\"){}\"?>",  # Llama
    r"<start_function_call>call:{}",  # FunctionGemma
    r"(?<![\w.]){}(?::\d++)?(?:\s*+\[CALL_ID\]\s*+[\w-]++)?(?:\s*+\[ARGS\])?",
)
NAMED = "|".join(
    rf"{form.format(_NAME.format(f'name{i}'))}\s*+(?=\{{)" for i, form in enumerate(_FORMS)
)
OBJECT = r"\{\s*+(?:[\"'\u201c\u2018]|[^\W\d]\w*+\s*+:)"
_KEY = r"[{{,]\s*+[\"'\u201c\u2018]?(?:{})[\"'\u201d\u2019]?\s*+:"
_NAME_KEY = re.compile(rf"{_KEY.format('|'.join(NAMES))}\s*+[\"'\u201c\u2018](?P<name>[\w.]++)")
_ARGUMENTS_KEY = re.compile(_KEY.format("|".join(ARGUMENTS)))
_WRAPPER_KEY = re.compile(rf"{_KEY.format('|'.join(WRAPPERS))}\s*+[{{\[]")
_ONLY_KEY = re.compile(r"\{\s*+[\"'\u201c\u2018]?(?P<name>[\w.]++)[\"'\u201d\u2019]?\s*+:\s*+\{")
_TAGS_AT_END = re.compile(r"(?:\s|</?[\w:]++>|<\|\w++\|>|```)++\Z")
_COMPLETE = re.compile(r"(?:[\"'}\]]|\b(?:true|false|null|True|False|None))\Z")


def is_call(text: str, known: Collection[str] | None) -> bool:
    """Whether the JSON object `text` has the keys of a call, or names a known function."""
    if _WRAPPER_KEY.search(text):
        return True
    if name := _NAME_KEY.search(text):
        if _ARGUMENTS_KEY.search(text) or known is None:
            return True
        return match_name(name["name"], known) is not None
    only = _ONLY_KEY.match(text)
    return bool(only) and (known is None or match_name(only["name"], known) is not None)


def read_calls(text: str, missing: str = "", name: str = "") -> tuple[WrittenCall, ...]:
    """The calls in the JSON object `text`, or the call of `name` whose arguments it holds.

    `missing`: the brackets missing at its end. Raises CallError if it cannot be read as calls.
    """
    value = read_json(_completed(text, missing) if missing else text)
    if name:
        return (_call(name, value),)
    return tuple(_calls_of(value))


def _completed(text: str, missing: str) -> str:
    """`text` with the missing brackets, if what stands before them cannot be cut off."""
    bare = _TAGS_AT_END.sub("", text)
    last = bare[-1:]
    whole = _COMPLETE.search(bare) or (last.isdigit() and bare != text)
    in_list = missing.startswith("]") and last != "}"
    if not whole or in_list or missing == repair.QUOTE:
        raise unparseable(f"The JSON is not closed: {shorten(missing, 20)} is missing at its end.")
    return bare + missing


def read_json(text: str) -> Any:
    """A JSON value; quotes may be Python's, keys bare. Raises CallError if it cannot be read."""
    text = keep_latex(text, python=False)
    refuse_two_readings(text)
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
        return _read_dict(repair.with_quoted_keys(text))
    except ValueError:  # more digits than Python's int() accepts
        raise unparseable("A whole number is too long.") from None


def _read_dict(text: str) -> Any:
    try:
        node = parse_source(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise unparseable(f"The JSON cannot be read. {_json_problem(text)}") from None
    return literal(node)


def _json_problem(text: str) -> str:
    """The place at which Python's JSON reader stops."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place = shorten(text[error.pos :].split("\n")[0], 30)
        return f"{error.msg} at {place!r}." if place else f"{error.msg} at its end."
    except (ValueError, RecursionError):
        pass
    return ""


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise unparseable(f"The argument {twice} is given twice.")
    return members


def _refuse_constant(word: str) -> Any:
    raise unparseable(f"The argument {word} is not a plain value.")


def _calls_of(value: Any) -> Iterator[WrittenCall]:
    """The calls that a JSON value encodes."""
    match value:
        case [_, *_]:
            for each in value:
                yield from _calls_of(each)
        case dict():
            yield from _calls_of_object(value)
        case _:
            raise unparseable(FORM)


def _calls_of_object(value: Mapping[str, Any]) -> Iterator[WrittenCall]:
    for wrapper in WRAPPERS:
        if isinstance(inner := value.get(wrapper), dict | list):
            yield from _calls_of(inner)
            return
    names = [key for key in NAMES if isinstance(value.get(key), str)]
    given = [key for key in ARGUMENTS if key in value]
    if len(names) != 1 or len(given) > 1:
        if len(value) == 1 and isinstance(arguments := next(iter(value.values())), dict):
            yield WrittenCall(next(iter(value)), (), arguments)
            return
        raise unparseable(FORM)
    name = value[names[0]]
    if not given and value.keys() - IGNORED - {names[0]}:
        raise unparseable(
            f'The arguments of {shorten(name, LONGEST_SOURCE)} must stand under "arguments".'
        )
    yield _call(name, value[given[0]] if given else None)


def _call(name: str, arguments: Any) -> WrittenCall:
    if isinstance(arguments, str) and arguments.lstrip().startswith(("{", "[")):
        arguments = read_json(arguments)
    match arguments:
        case None:
            return WrittenCall(name, (), {})
        case dict():
            return WrittenCall(name, (), arguments)
        case list():
            return WrittenCall(name, tuple(arguments), {})
    raise unparseable(f"The arguments of {shorten(name, LONGEST_SOURCE)} must be a JSON object.")

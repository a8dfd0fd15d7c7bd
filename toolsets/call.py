"""How a call is written and read: `name(a=1, b=[2, 3])`.

Text becomes a name and literal arguments through `ast`; nothing is ever evaluated. Arguments are
JSON values: numbers (also negative), strings, true/false/none in Python's or JSON's spelling, lists
and string-keyed dicts of these. Prose and code fences around exactly one call are forgiven.

Not here: whether the function exists and the arguments fit it (`toolsets.toolset`).
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from dataclasses import dataclass
from typing import Any

from toolsets.errors import CallError, ErrorKind

LONGEST_CALL = 20_000  # characters
DEEPEST_NESTING = 50
LONGEST_INTEGER = 13_000  # bits; Python writes no more than 4,300 decimal digits

_FENCE = re.compile(r"```[a-zA-Z_]*\s*\n")
_CALL_LINE = re.compile(r"^[A-Za-z_]\w*\(.*\)[.;]?$")
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one function.

    `arguments` are JSON values by parameter name; `raw` is the text exactly as the model wrote it.
    """

    name: str
    arguments: dict[str, Any]
    raw: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call came to; `content` is what the model reads, `error_kind` is None where ok."""

    ok: bool
    content: str
    error_kind: ErrorKind | None = None


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call as written, not yet bound to a function's parameters."""

    name: str
    positional: tuple[Any, ...]
    keywords: dict[str, Any]


def parse_call(text: str) -> WrittenCall:
    """Read the one call in `text`.

    Raises CallError of kind `unparseable_call`, whose message says how to mend it.
    """
    if len(text) > LONGEST_CALL:
        raise _unparseable(f"The reply is longer than {LONGEST_CALL:,} characters.")
    node = _find_call(_unfence(text).strip())
    if not isinstance(node.func, ast.Name):
        raise _unparseable("The name of the function must be a plain name.")
    keywords: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise _unparseable("** cannot be used in a call.")
        if keyword.arg in keywords:
            raise _unparseable(f"The argument {keyword.arg} is given twice.")
        keywords[keyword.arg] = _literal(keyword.value)
    return WrittenCall(node.func.id, tuple(_literal(value) for value in node.args), keywords)


def render_call(name: str, arguments: dict[str, Any]) -> str:
    """The text of a call; `parse_call` reads it back to the same name and arguments."""
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _find_call(text: str) -> ast.Call:
    if not text:
        raise _unparseable("The reply is empty.")
    node = _parse_expression(text)
    if isinstance(node, ast.Call):
        return node
    lines = [line.strip() for line in text.splitlines()]
    calls = [line.rstrip(".;") for line in lines if _CALL_LINE.match(line)]
    if len(calls) > 1:
        raise _unparseable(f"The reply holds {len(calls)} calls.")
    node = _parse_expression(calls[0]) if calls else None
    if not isinstance(node, ast.Call):
        raise _unparseable("The reply is not a call.")
    return node


def _parse_expression(text: str) -> ast.expr | None:
    try:
        with warnings.catch_warnings():  # "invalid escape sequence" and the like
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _unfence(text: str) -> str:
    text = text.strip()
    start = _FENCE.match(text)
    if start and text.endswith("```") and len(text) >= start.end() + 3:
        return text[start.end() : -3]
    return text


def _literal(node: ast.expr, depth: int = 0) -> Any:
    if depth > DEEPEST_NESTING:
        raise _unparseable(f"An argument is nested deeper than {DEEPEST_NESTING} levels.")
    match node:
        case ast.Constant(value=bool() | None):
            return node.value
        case ast.Constant(value=str() as text):
            return _encodable(text)
        case ast.Constant(value=int() | float() as number):
            return _finite(number)
        case ast.Name(id=word) if word in _WORDS:
            return _WORDS[word]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=number)):
            if isinstance(number, int | float) and not isinstance(number, bool):
                return -_finite(number) if isinstance(sign, ast.USub) else _finite(number)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item, depth + 1) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_key(k): _literal(v, depth + 1) for k, v in zip(keys, values, strict=True)}
        case ast.Call():
            raise _unparseable("A call cannot be an argument of a call; make the inner call first.")
    raise _unparseable(f"The argument {_source(node)} is not a plain value.")


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _encodable(node.value)
    raise _unparseable("The keys of a dict must be strings.")


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _unparseable("A text holds half of a character.") from None
    return text


def _finite(number: int | float) -> int | float:
    if isinstance(number, float) and not math.isfinite(number):
        raise _unparseable("A number is too large to be written with an exponent.")
    if isinstance(number, int) and number.bit_length() > LONGEST_INTEGER:
        raise _unparseable("A whole number is too long.")
    return number


def _source(node: ast.expr) -> str:
    try:
        text = ast.unparse(node)
    except (ValueError, RecursionError):
        return "given"
    return text if len(text) <= 60 else text[:57] + "..."


def _unparseable(reason: str) -> CallError:
    return CallError("unparseable_call", f"{reason} Reply with one call, like name(a=1, b=2).")

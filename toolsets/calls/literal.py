"""Convert the literals of a call's arguments to JSON values; nothing is ever evaluated."""

from __future__ import annotations

import ast
import math
from typing import Any

from toolsets.errors import CallError, shorten

DEEPEST_NESTING = 50
LONGEST_INTEGER = 13_000  # bits; Python writes no more than 4,300 decimal digits
LONGEST_SOURCE = 60  # characters of an argument that a message quotes
FORM = " Reply with one call, like name(a=1, b=2)."

_WORDS = {"true": True, "false": False, "null": None}
_CALCULATIONS = ast.BinOp | ast.BoolOp | ast.Compare | ast.UnaryOp


def unparseable(reason: str) -> CallError:
    """The error for a reply without a valid call; adds a sentence that shows the form."""
    return CallError("unparseable_call", reason + FORM)


def literal(node: ast.expr, depth: int = 0) -> Any:
    """The JSON value of an argument; raises CallError if it is not a literal."""
    if depth > DEEPEST_NESTING:
        raise _too_deep()
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
        case ast.BinOp(op=ast.Div(), left=top, right=ast.Constant(value=int() as bottom)):
            if (ratio := _ratio(top, bottom)) is not None:
                return ratio
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [literal(item, depth + 1) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_key(k): literal(v, depth + 1) for k, v in zip(keys, values, strict=True)}
        case ast.Call():
            raise unparseable("A call cannot be an argument of a call; make the inner call first.")
    raise unparseable(f"The argument {source(node)} is not a plain value{_hint(node)}.")


def _ratio(top: ast.expr, bottom: int) -> str | None:
    """A ratio of whole numbers as the text of an exact number, such as "-1/3"; None for others."""
    try:
        number = literal(top)
    except CallError:
        return None
    whole = type(number) is int and type(bottom) is int
    return f"{number}/{_finite(bottom)}" if whole else None


def checked(value: Any, depth: int = 0) -> Any:
    """Check a value read from JSON against the limits of literals; raises CallError."""
    if depth > DEEPEST_NESTING:
        raise _too_deep()
    match value:
        case str():
            return _encodable(value)
        case int() | float() if not isinstance(value, bool):
            return _finite(value)
        case list():
            return [checked(item, depth + 1) for item in value]
        case dict():
            return {_encodable(key): checked(item, depth + 1) for key, item in value.items()}
    return value


def source(node: ast.expr) -> str:
    """The source text of a node, cut to `LONGEST_SOURCE` characters."""
    try:
        text = ast.unparse(node)
    except (ValueError, RecursionError):
        return "given"
    return shorten(text, LONGEST_SOURCE)


def _hint(node: ast.expr) -> str:
    match node:
        case ast.Name() | ast.Attribute():
            return "; write its value, and texts in quotes"
        case _ if isinstance(node, _CALCULATIONS):
            return "; make the calculation a call of its own first, or write its value"
    return ""


def _too_deep() -> CallError:
    return unparseable(f"An argument is nested deeper than {DEEPEST_NESTING} levels.")


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _encodable(node.value)
    if isinstance(node, ast.Name):  # as in JSON5
        return _encodable(node.id)
    raise unparseable("The keys of a dict must be strings.")


def _encodable(text: str) -> str:
    """`text` with surrogate pairs, as JSON writes them, joined to one character."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise unparseable("A text holds half of a character.") from None


def _finite(number: int | float) -> int | float:
    if isinstance(number, float) and not math.isfinite(number):
        raise unparseable("A number is too large to be written with an exponent.")
    if isinstance(number, int) and number.bit_length() > LONGEST_INTEGER:
        raise unparseable("A whole number is too long.")
    return number

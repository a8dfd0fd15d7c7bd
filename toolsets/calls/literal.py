"""Convert the literals of a call's arguments to JSON values; nothing is ever evaluated.

A decimal number becomes a float if the float's shortest form is that number, else it stays text, as
12345678901234567890.5 does; functions of exact numbers read such a text.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from decimal import Decimal
from typing import Any

from toolsets.errors import CallError, shorten

DEEPEST_NESTING = 50
LONGEST_INTEGER = 13_000  # bits; Python writes no more than 4,300 decimal digits
SHORT = 15  # characters of a decimal number that a float always holds
LONGEST_SOURCE = 60  # characters of an argument that a message quotes
FORM = " Reply with one call, like name(a=1, b=2)."

_WORDS = {"true": True, "false": False, "null": None}
_FLOAT = re.compile(r"\d\.|\.\d|\d[eE]")
_WARNED = re.compile(r"\\|\d[A-Za-z]")  # invalid escape sequences, 1if
_LINE = re.compile(r"\r\n|\r|\n")
_CALCULATIONS = ast.BinOp | ast.BoolOp | ast.Compare | ast.UnaryOp


def unparseable(reason: str) -> CallError:
    """The error for a reply without a valid call; adds a sentence that shows the form."""
    return CallError("unparseable_call", reason + FORM)


class Digits(str):
    """The text of a decimal number that no float holds exactly."""

    __slots__ = ()


def parse_source(text: str) -> ast.expr:
    """The tree of an expression, inexact floats replaced by `Digits`; raises as `ast.parse`."""
    tree = _parse(text)
    if not _FLOAT.search(text):
        return tree
    floats = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is float]
    lines = _LINE.split(text)
    for node in floats:
        line = lines[node.lineno - 1].encode()
        written = line[node.col_offset : node.end_col_offset].decode(errors="replace")
        node.value = exact_float(written)  # type: ignore[assignment]  # read by `literal` only
    return tree


def _parse(text: str) -> ast.expr:
    if not _WARNED.search(text):
        return ast.parse(text, mode="eval").body
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode="eval").body


def exact_float(text: str) -> float | Digits:
    """A decimal number as a float, or as its text if the float would be another number."""
    number = float(text)
    is_short = len(text) <= SHORT and "e" not in text.lower()
    if is_short or not math.isfinite(number) or Decimal(repr(number)) == Decimal(text):
        return number
    return Digits(text.replace("_", ""))


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
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=Digits() as digits)):
            return f"-{digits}"
        case ast.UnaryOp(op=ast.UAdd(), operand=ast.Constant(value=Digits() as digits)):
            return str(digits)
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

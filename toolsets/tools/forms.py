"""Arguments in forms that only the function's schema can tell: untyped texts, JSON in a text.

Not here: whether a value is valid (`toolsets.tools.binding`).
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from toolsets.calls.json_forms import read_json
from toolsets.calls.model import RawText, WrittenCall
from toolsets.errors import CallError
from toolsets.tools.schema import Schema


def unpacked(parameters: Schema, written: WrittenCall) -> WrittenCall:
    """`f({"a": 2, "b": 3})` as `f(a=2, b=3)`, if the dict cannot be f's first argument.

    Raises CallError of kind `bad_arguments` if it can be both.
    """
    names = list(parameters["properties"])
    match written.positional, written.keywords:
        case (dict() as given,), {} if not written.keywords and given and names:
            pass
        case _:
            return written
    required = set(parameters.get("required", ()))
    if not given.keys() <= set(names) or not required <= given.keys():
        return written
    if "object" in _types(parameters["properties"][names[0]]) and required <= {names[0]}:
        raise CallError(
            "bad_arguments",
            f"{written.name}: the dict may be the argument {names[0]} or all arguments. "
            f"Write each argument by its name, as {names[0]}=...",
        )
    return WrittenCall(written.name, (), given)


def same_name(key: str, names: Collection[str]) -> str | None:
    """The parameter that `key` names; another case is accepted if only one parameter fits."""
    if key in names:
        return key
    same = [name for name in names if name.casefold() == key.casefold()]
    return same[0] if len(same) == 1 else None


def fitting(value: Any, schema: Any) -> Any:
    """`value` as its parameter's type, where its form does not tell the type.

    A RawText is JSON if the type is not text and it can be read so; a text that holds a JSON list
    or object is that where no text is allowed; one content part is its text where text is expected.
    """
    types = _types(schema)
    if isinstance(value, RawText):
        return _typed(value, types)
    if isinstance(value, str) and types and "string" not in types:
        return _json_of(value, types)
    if types == {"string"}:
        match value:
            case [{"type": "text", "text": str() as text}] if len(value[0]) == 2:
                return text
    return value


def _typed(value: RawText, types: set[str]) -> Any:
    text = str(value)
    if types == {"string"}:
        return text
    bare = text.strip()
    try:
        read = read_json(bare)
    except CallError:
        return text
    match read:
        case str() if "string" in types:
            return text
        case float() if Decimal(repr(read)) != Decimal(bare):
            return text  # more digits than a float has
        case list() if not bare.startswith("["):
            return text  # 1,200
    return read


def _json_of(text: str, types: set[str]) -> Any:
    """The list or object that `text` holds, if such a value is expected."""
    bare = text.strip()
    kind = {"[": "array", "{": "object"}.get(bare[:1])
    if kind not in types:
        return text
    try:
        return read_json(bare)
    except CallError:
        return text


def _types(schema: Any) -> set[str]:
    """The JSON types that `schema` allows; empty if it allows any."""
    if not isinstance(schema, dict):
        return set()
    kinds = schema.get("type", [])
    if parts := schema.get("anyOf") or schema.get("oneOf"):
        return set().union(*(_types(part) for part in parts)) if all(map(_types, parts)) else set()
    if "enum" in schema and not kinds:
        return {_KINDS.get(type(value), "object") for value in schema["enum"]}
    return {kinds} if isinstance(kinds, str) else set(kinds)


_KINDS = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}

"""Toolsets from function documents in the format of the Berkeley Function-Calling Leaderboard.

    toolset = toolsets.sources.berkeley.toolset("functions.jsonl")

The functions cannot be run: a call is checked only, and its result says so. The file is JSON or
JSON Lines; each record is a document (`name`, `description`, `parameters`), a document wrapped as
OpenAI's `{"type": "function", "function": {...}}`, or a question of the leaderboard with several
documents. Names may have dots, as in `math.factorial`; a name that a call cannot use is replaced by
a similar one, `calculate-area` by `calculate_area`. The leaderboard's README describes the format:
github.com/ShishirPatil/gorilla, berkeley-function-call-leaderboard.

Not here: how arguments are checked (`toolsets.sources.documents`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolsets.calls.render import render_call
from toolsets.catalog.toolset import Toolset
from toolsets.errors import ToolsetError
from toolsets.sources.documents import names_for, tool_of
from toolsets.tools.schema import Schema
from toolsets.tools.tool import Tool

# Type names of Python, Java and JavaScript that documents use for JSON Schema's seven types.
TYPES = {
    "string": ("string", "str", "char"),
    "integer": ("integer", "int", "long", "short", "byte", "bigint"),
    "number": ("number", "float", "double"),
    "boolean": ("boolean", "bool"),
    "array": ("array", "list", "tuple", "arraylist", "set", "queue", "stack"),
    "object": ("object", "dict", "hashmap", "hashtable", "map", "dictionary"),
    "null": ("null", "none"),
}
_TYPES = {word: kind for kind, words in TYPES.items() for word in words}
_ANY = "any"
_NESTED = ("properties", "items", "additionalProperties", "anyOf", "oneOf", "allOf")


def toolset(path: str | Path) -> Toolset:
    """The functions that the file describes; raises ToolsetError, which names file and line."""
    file = Path(path)
    tools: dict[str, tuple[dict[str, Any], Tool]] = {}
    for where, record in _records(file):
        for document in _documents(record, where):
            name = document["name"]
            if name in tools and tools[name][0] != document:
                raise ToolsetError(
                    f"{where}: function {name} has two different descriptions; rename one"
                )
            if name not in tools:
                tools[name] = document, _tool(document, where)
    names = names_for(tools, dots=True)
    renamed = tuple(tool.renamed(names[name]) for name, (_, tool) in tools.items())
    return Toolset(f"berkeley:{file.name}", renamed)


def _records(file: Path) -> Iterator[tuple[str, Any]]:
    """Each record of the file, with its location."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ToolsetError(f"{file}: cannot be read: {error}") from None
    try:
        whole = json.loads(text)
    except ValueError:
        yield from _lines(file, text)
        return
    for index, record in enumerate(whole if isinstance(whole, list) else [whole]):
        yield f"{file}, record {index + 1}", record


def _lines(file: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{file}, line {number}"
        try:
            if line.strip():
                yield where, json.loads(line)
        except ValueError as error:
            raise ToolsetError(f"{where}: neither JSON nor JSON Lines: {error}") from None


def _documents(record: Any, where: str) -> list[dict[str, Any]]:
    inner = record.get("function", record) if isinstance(record, dict) else record
    documents = inner if isinstance(inner, list) else [inner]
    for document in documents:
        if not isinstance(document, dict) or not _is_name(document.get("name")):
            raise ToolsetError(f"{where}: a function needs name, description and parameters")
        if not isinstance(document.get("parameters", {}), dict):
            raise ToolsetError(
                f"{where}: function {document['name']}: parameters must be an object"
            )
    return documents


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and any(sign.isalnum() for sign in name)


def _tool(document: dict[str, Any], where: str) -> Tool:
    name = document["name"]
    try:
        schema = _schema(document.get("parameters") or {"type": "dict", "properties": {}}, name)
        return tool_of(
            name,
            str(document.get("description", "")),
            schema | {"additionalProperties": False},
            lambda arguments: f"Checked: {render_call(name, arguments)}",
        )
    except ToolsetError as error:
        raise ToolsetError(f"{where}: {error}") from None


def _schema(document: Any, name: str) -> Schema:
    """A document's schema with the type names of JSON Schema; `name` is the function's."""
    if not isinstance(document, dict):
        raise ToolsetError(f"function {name}: {document!r} is not a JSON Schema")
    schema = {key: _part(key, value, name) for key, value in document.items() if key != "optional"}
    if isinstance(word := document.get("type"), str):
        schema["type"] = _type(word, name)
        if word.lower() == _ANY:
            del schema["type"]
    if isinstance(schema.get("required"), bool):  # on a property; JSON Schema has it on the object
        del schema["required"]
    return schema


def _part(key: str, value: Any, name: str) -> Any:
    if key == "properties" and isinstance(value, dict):
        return {parameter: _schema(part, name) for parameter, part in value.items()}
    if key in _NESTED and isinstance(value, list):
        return [_schema(part, name) for part in value]
    return _schema(value, name) if key in _NESTED and isinstance(value, dict) else value


def _type(word: str, name: str) -> str:
    kind = word.lower()
    if kind != _ANY and kind not in _TYPES:
        known = ", ".join([*_TYPES, _ANY])
        raise ToolsetError(f"function {name}: the type {word!r} is unknown; known types: {known}")
    return _TYPES.get(kind, _ANY)

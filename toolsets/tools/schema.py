"""JSON Schemas in the forms that models, chat templates and other consumers need.

`flat` removes every `$ref` and title, so that consumers need not resolve references; `members`
finds the properties of an object, also those in its alternatives; `signature` writes a schema as
short text for a prompt, `f(a: number, unit: 'km' or 'mi' = 'km')`.

Not here: building a function's schema (`toolsets.tools.signature`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote

Schema = dict[str, Any]
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")  # keys are no keywords
_CASES = ("if", "then", "else")
_SINGLE = ("items", "additionalProperties", "contains", "propertyNames", "not", *_CASES)


class RecursiveSchema(ValueError):
    """A type contains itself, so its schema cannot be written without references."""


class Members(NamedTuple):
    """The properties of an object; `certain` are those of every valid object that has them."""

    properties: Schema
    required: tuple[str, ...]
    certain: frozenset[str]


def flat(schema: Any, root: Schema | None = None) -> Any:
    """`schema` with each reference into `root` replaced by its definition, and without titles.

    Raises RecursiveSchema, and LookupError for a reference that is not in `root`.
    """
    return _flat(schema, schema if root is None else root, ())


def members(schema: Any, root: Schema, within: tuple[str, ...] = ()) -> Members:
    """The properties of an object, with those behind `$ref`, `allOf`, `anyOf`, `oneOf` and `if`."""
    if not isinstance(schema, dict):
        return Members({}, (), frozenset())
    own = schema.get("properties", {})
    found = Members(dict(own), tuple(schema.get("required", ())), frozenset(own))
    if (reference := schema.get("$ref")) and reference not in within:
        with suppress(LookupError):
            target = _resolve(reference, root)
            found = _both(found, members(target, root, (*within, reference)))
    for part in schema.get("allOf", ()):
        found = _both(found, members(part, root, within))
    for key in ("anyOf", "oneOf"):
        if parts := schema.get(key):
            found = _with_one_of(found, [members(part, root, within) for part in parts])
    cases = [schema[key] for key in _CASES if key in schema]
    cases += schema.get("dependentSchemas", {}).values()
    optional = [members(part, root, within)._replace(required=()) for part in cases]
    return _with_one_of(found, optional) if optional else found


def signature(name: str, parameters: Schema) -> str:
    """The signature of function `name`, such as `add(a: number, b: number = 1)`."""
    return f"{name}({', '.join(_parameter(n, n, parameters) for n in _properties(parameters))})"


def _flat(schema: Any, root: Schema, within: tuple[str, ...]) -> Any:
    if not isinstance(schema, dict):  # true and false are schemas too
        return schema
    if reference := schema.get("$ref"):
        if reference in within:
            raise RecursiveSchema(f"{reference.rpartition('/')[2]} is recursive")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        target = _resolve(reference, root)
        whole = target | beside if isinstance(target, dict) else target
        return _flat(whole, root, (*within, reference))
    return {
        key: _flat_part(key, value, root, within)
        for key, value in schema.items()
        if key not in ("$defs", "definitions", "title")
    }


def _both(first: Members, second: Members) -> Members:
    properties = first.properties | second.properties
    for name in first.properties.keys() & second.properties.keys():
        parts = [first.properties[name], second.properties[name]]
        properties[name] = parts[0] if parts[0] == parts[1] else {"allOf": parts}
    required = tuple(dict.fromkeys(first.required + second.required))
    return Members(properties, required, first.certain | second.certain)


def _with_one_of(found: Members, cases: list[Members]) -> Members:
    """`found`, and what a case of several adds to it."""
    properties = dict(found.properties)
    for name in dict.fromkeys(name for case in cases for name in case.properties):
        parts = [case.properties[name] for case in cases if name in case.properties]
        unique = [part for i, part in enumerate(parts) if part not in parts[:i]]
        properties.setdefault(name, unique[0] if len(unique) == 1 else {"anyOf": unique})
    always = [n for n in cases[0].required if all(n in case.required for case in cases)]
    return Members(properties, tuple(dict.fromkeys([*found.required, *always])), found.certain)


def _resolve(reference: str, root: Schema) -> Any:
    """The part of `root` at a JSON pointer (RFC 6901); raises LookupError if there is none."""
    if reference != "#" and not reference.startswith("#/"):
        raise KeyError(reference)
    target: Any = root
    for part in unquote(reference).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and key.isdecimal():
            target = target[int(key)]
        elif isinstance(target, dict):
            target = target[key]
        else:
            raise KeyError(reference)
    return target


def _flat_part(key: str, value: Any, root: Schema, within: tuple[str, ...]) -> Any:
    if key in _NAMED and isinstance(value, dict):  # a parameter may be named "title"
        return {name: _flat(part, root, within) for name, part in value.items()}
    if key in (*_LISTS, "items") and isinstance(value, list):
        return [_flat(part, root, within) for part in value]
    return _flat(value, root, within) if key in _SINGLE else value


def _properties(schema: Schema) -> Schema:
    properties = schema.get("properties", {}).items()
    return {name: part if isinstance(part, dict) else {} for name, part in properties}


def _parameter(name: str, written: str, parent: Schema) -> str:
    schema = _properties(parent)[name]
    if name in parent.get("required", ()):
        return f"{written}: {_type(schema)}"
    default = f" = {schema['default']!r}" if "default" in schema else " (optional)"
    return f"{written}: {_type(schema)}{default}"


def _type(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "any"
    if parts := schema.get("anyOf") or schema.get("oneOf"):
        return _either([_type(part) for part in parts])
    if len(parts := schema.get("allOf", ())) == 1:  # some generators wrap a reference like this
        return _type(parts[0])
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return " or ".join(repr(value) for value in schema["enum"])
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return _either([_type(schema | {"type": one}) for one in kind])
    match kind:
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(_type(part) for part in schema['prefixItems'])}]"
        case "array":
            return f"list of {_type(schema.get('items', {}))}"
        case "object":
            return _object(schema)
    return "None" if kind == "null" else kind


def _either(types: list[str]) -> str:
    unique = [t for t in dict.fromkeys(types) if not (t == "integer" and "number" in types)]
    return " or ".join(unique)


def _object(schema: Schema) -> str:
    if properties := _properties(schema):
        return "{" + ", ".join(_parameter(name, repr(name), schema) for name in properties) + "}"
    values = schema.get("additionalProperties")
    return f"dict of {_type(values)}" if isinstance(values, dict) and values else "object"

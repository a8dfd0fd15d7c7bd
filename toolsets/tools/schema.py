"""JSON Schemas in the forms that models, chat templates and other consumers need.

`flat` removes every `$ref` and title, so that consumers need not resolve references; `signature`
writes a schema as short text for a prompt, `f(a: number, unit: 'km' or 'mi' = 'km')`.

Not here: building a function's schema (`toolsets.tools.signature`).
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


class RecursiveSchema(ValueError):
    """A type contains itself, so its schema cannot be written without references."""


def flat(schema: Schema) -> Schema:
    """`schema` with each reference replaced by its definition, and without titles.

    Raises RecursiveSchema, and KeyError for a reference that is not in `schema`.
    """
    return _flat(schema, schema, ())


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
        return _flat(_resolve(reference, root) | beside, root, (*within, reference))
    return {
        key: _flat_part(key, value, root, within)
        for key, value in schema.items()
        if key not in ("$defs", "definitions", "title")
    }


def _resolve(reference: str, root: Schema) -> Schema:
    target: Any = root
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return target


def _flat_part(key: str, value: Any, root: Schema, within: tuple[str, ...]) -> Any:
    if key == "properties":  # its keys are parameter names, which may be "title"
        return {name: _flat(part, root, within) for name, part in value.items()}
    if key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        return [_flat(part, root, within) for part in value]
    if key in ("items", "additionalProperties"):
        return _flat(value, root, within)
    return value


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

"""Build tools from documents: name, description and the JSON Schema of the arguments.

For an MCP server's tools and Berkeley's function documents. `jsonschema` checks each argument by
itself, so that error messages have the form of any other tool's. A name that Python's call syntax
cannot use is replaced by a similar one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Container
from contextlib import suppress
from itertools import count
from keyword import iskeyword
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from toolsets.errors import ToolsetError, shorten
from toolsets.tools.schema import RecursiveSchema, Schema, flat
from toolsets.tools.tool import Limits, Tool

_LONG_DECIMAL = re.compile(r"-?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?")


class _Absent:
    """Marks an argument that is missing from the call."""


def tool_of(
    name: str,
    description: str,
    schema: Schema,
    run: Callable[[dict[str, Any]], Any],
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> Tool:
    """A tool that calls `run` with the given arguments, by their names in the document.

    Raises ToolsetError unless `schema` is a valid JSON Schema of an object.
    """
    _check(name, schema)
    new_names = names_for(schema.get("properties", {}))

    def function(**values: Any) -> Any:
        given = {key: values.get(new, _Absent) for key, new in new_names.items()}
        return run({key: value for key, value in given.items() if value is not _Absent})

    function.__name__ = name
    return Tool(
        name=name,
        description=" ".join(description.split()) or name,
        parameters=_parameters(schema, new_names),
        example="",
        function=function,
        arguments=_arguments(schema, new_names),
        limits=limits,
    )


def names_for(names: Any) -> dict[str, str]:
    """A unique Python identifier for each of the names."""
    identifiers: dict[str, str] = {}
    for name in names:
        identifiers[name] = identifier(name, identifiers.values())
    return identifiers


def identifier(name: str, taken: Container[str]) -> str:
    """`name` if it is an identifier, else a similar one; never one that is `taken`."""
    name = unicodedata.normalize("NFKC", name)  # as Python reads names
    plain = "".join(sign if f"_{sign}".isidentifier() else "_" for sign in name)
    plain = plain if plain.isidentifier() else f"_{plain}"
    plain = f"{plain}_" if iskeyword(plain) else plain
    if plain not in taken:
        return plain
    return next(new for i in count(2) if (new := f"{plain}_{i}") not in taken)


def _check(name: str, schema: Schema) -> None:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema, Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.path)
        reason = f"at {place or 'its root'}: {shorten(error.message, 200)}"
        raise ToolsetError(f"function {name} has an invalid JSON Schema, {reason}") from None
    if schema.get("type", "object") != "object":
        reason = f"of type {schema['type']}; expected object"
        raise ToolsetError(f"function {name} has a JSON Schema {reason}")


def _parameters(schema: Schema, new_names: dict[str, str]) -> Schema:
    with suppress(RecursiveSchema, LookupError, TypeError):  # then keep the references
        schema = flat(schema)
    properties = schema.get("properties", {})
    return schema | {
        "type": "object",
        "properties": {new: properties[name] for name, new in new_names.items()},
        "required": [new_names[key] for key in schema.get("required", ()) if key in new_names],
    }


def _arguments(schema: Schema, new_names: dict[str, str]) -> type[BaseModel]:
    required = schema.get("required", ())
    fields: dict[str, Any] = {}
    for index, (name, new) in enumerate(new_names.items()):
        default = ... if name in required else _Absent
        checked = Annotated[Any, AfterValidator(_checker(schema, schema["properties"][name]))]
        fields[f"field_{index}"] = (checked, Field(default, alias=new))
    model = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    return cast(type[BaseModel], model)


def _checker(root: Schema, schema: Schema) -> Callable[[Any], Any]:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    validator = validator_for(root, Draft202012Validator)(root)
    validator = validator.evolve(schema=schema)  # its references point into the root

    numeric = schema.get("type") in ("number", ["number"]) if isinstance(schema, dict) else False

    def check(value: Any) -> Any:
        if numeric and isinstance(value, str) and _LONG_DECIMAL.fullmatch(value):
            value = float(value)  # `toolsets.calls.literal` leaves what no float holds as text
        for error in validator.iter_errors(value):
            place = ".".join(str(part) for part in error.absolute_path)
            raise ValueError(f"{_expected(error)}{f' at {place}' if place else ''}")
        return value

    return check


def _expected(error: Any) -> str:
    wanted = error.validator_value
    match error.validator:
        case "type":
            types = [wanted] if isinstance(wanted, str) else wanted
            return f"expected {' or '.join(types)}"
        case "enum":
            return f"expected {' or '.join(repr(value) for value in wanted)}"
    return shorten(error.message, 200)

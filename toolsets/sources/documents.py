"""Tools that are known by a document only: name, description and the JSON Schema of the arguments.

An MCP server's tools and Berkeley's function documents are such. Arguments are checked by
`jsonschema`, one by one, so that the messages are those of any other tool. Names that Python's call
syntax cannot write get ones that it can.

Not here: where the documents come from (`toolsets.sources.mcp`, `toolsets.sources.berkeley`).
"""

from __future__ import annotations

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


class _Absent:
    """Stands for an argument that the call does not give."""


def tool_of(
    name: str,
    description: str,
    schema: Schema,
    run: Callable[[dict[str, Any]], Any],
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> Tool:
    """A tool whose function is `run` of the arguments that a call gives, by their own names.

    Raises ToolsetError where `schema` is no schema of an object.
    """
    _check(name, schema)
    own = names_for(schema.get("properties", {}))  # by the names that the document has

    def function(**values: Any) -> Any:
        given = {key: values.get(new, _Absent) for key, new in own.items()}
        return run({key: value for key, value in given.items() if value is not _Absent})

    function.__name__ = name
    return Tool(
        name=name,
        description=" ".join(description.split()) or name,
        parameters=_parameters(schema, own),
        example="",
        function=function,
        arguments=_arguments(schema, own),
        limits=limits,
    )


def names_for(names: Any) -> dict[str, str]:
    """A name that a call can be written with, for each name that others gave."""
    found: dict[str, str] = {}
    for name in names:
        found[name] = identifier(name, found.values())
    return found


def identifier(name: str, taken: Container[str]) -> str:
    """`name` itself where it is an identifier, else one like it that is not `taken`."""
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
        raise ToolsetError(f"function {name} has no valid JSON Schema, {reason}") from None
    if schema.get("type", "object") != "object":
        raise ToolsetError(f"function {name} has a JSON Schema of {schema['type']}, not of object")


def _parameters(schema: Schema, own: dict[str, str]) -> Schema:
    with suppress(RecursiveSchema, LookupError, TypeError):  # then references stay as they are
        schema = flat(schema)
    properties = schema.get("properties", {})
    return schema | {
        "type": "object",
        "properties": {new: properties[name] for name, new in own.items()},
        "required": [own[name] for name in schema.get("required", ()) if name in own],
    }


def _arguments(schema: Schema, own: dict[str, str]) -> type[BaseModel]:
    required = schema.get("required", ())
    fields: dict[str, Any] = {}
    for index, (name, new) in enumerate(own.items()):
        default = ... if name in required else _Absent
        checked = Annotated[Any, AfterValidator(_checker(schema, schema["properties"][name]))]
        fields[f"field_{index}"] = (checked, Field(default, alias=new))
    model = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    return cast(type[BaseModel], model)


def _checker(root: Schema, schema: Schema) -> Callable[[Any], Any]:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    validator = validator_for(root, Draft202012Validator)(root)
    validator = validator.evolve(schema=schema)  # its references are to the root

    def check(value: Any) -> Any:
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

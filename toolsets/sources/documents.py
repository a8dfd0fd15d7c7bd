"""Build tools from documents: name, description and the JSON Schema of the arguments.

For an MCP server's tools and Berkeley's function documents. Each argument is checked by itself, so
that error messages have the form of any other tool's; then all together, where the schema says more
about them. A name that Python's call syntax cannot use is replaced by a similar one.

Not here: the checks themselves (`toolsets.sources.checking`).
"""

from __future__ import annotations

import json
import logging
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from itertools import chain, count
from keyword import iskeyword
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from toolsets.errors import ToolsetError
from toolsets.sources.checking import check_schema, checker, readable
from toolsets.tools.schema import Members, RecursiveSchema, Schema, flat, members
from toolsets.tools.tool import Limits, Tool

_log = logging.getLogger("toolsets")
_DEFINITIONS = ("$defs", "definitions")
# Keywords at the root of a schema whose properties are shown as parameters.
_SHOWN_AS_PARAMETERS = {"$ref", "allOf", "anyOf", "oneOf", "if", "then", "else", "title", "$schema"}
# Keywords about all arguments together.
_OF_THE_WHOLE = _SHOWN_AS_PARAMETERS - {"title", "$schema"} | {
    *("not", "dependentRequired", "dependentSchemas", "dependencies"),
    *("minProperties", "maxProperties", "propertyNames", "const", "enum"),
}


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

    Raises ToolsetError unless `schema` is a valid JSON Schema of an object. What cannot be checked
    in it is left out, with one warning.
    """
    try:
        check_schema(name, schema)
        schema, unchecked = readable(schema)
    except RecursionError:
        raise ToolsetError(f"function {name} has a JSON Schema that is nested too deeply") from None
    for what in unchecked:
        _warn(f"function {name}: {what} in its JSON Schema cannot be checked, and is ignored")
    _require_object(name, schema)
    found = members(schema, schema)
    if schema.get("additionalProperties") is not False:  # a required argument may be of any kind
        bare = {key: {} for key in found.required if key not in found.properties}
        found = found._replace(properties=found.properties | bare)
    new_names = names_for(found.properties)

    def function(**values: Any) -> Any:
        given = {key: values.get(new, _Absent) for key, new in new_names.items()}
        return run({key: value for key, value in given.items() if value is not _Absent})

    function.__name__ = name
    return Tool(
        name=name,
        description=" ".join(description.split()) or name,
        parameters=_parameters(schema, found, new_names),
        example="",
        function=function,
        arguments=_arguments(schema, found, new_names),
        limits=limits,
    )


def names_for(names: Iterable[str], dots: bool = False) -> dict[str, str]:
    """A unique Python identifier for each of the names; with `dots`, identifiers between dots."""
    identifiers: dict[str, str] = {}
    for name in names:
        parts = unicodedata.normalize("NFKC", name).split(".") if dots else [name]
        plain = ".".join(_identifier(part) for part in parts)
        numbered = (f"{plain}_{i}" for i in count(2))
        taken = identifiers.values()
        identifiers[name] = next(new for new in chain([plain], numbered) if new not in taken)
    return identifiers


def _identifier(name: str) -> str:
    """`name` if it is an identifier, else a similar one."""
    name = unicodedata.normalize("NFKC", name)  # as Python reads names
    plain = "".join(sign if f"_{sign}".isidentifier() else "_" for sign in name)
    plain = plain if plain.isidentifier() else f"_{plain}"
    return f"{plain}_" if iskeyword(plain) else plain


@cache
def _warn(message: str) -> None:
    """Say it once, however often the toolset is loaded."""
    _log.warning("%s", message)


def _require_object(name: str, schema: Schema) -> None:
    kind = schema.get("type", "object")
    if "object" not in (kind if isinstance(kind, list) else [kind]):
        reason = f"of type {schema['type']}; expected object"
        raise ToolsetError(f"function {name} has a JSON Schema {reason}")


def _parameters(schema: Schema, found: Members, new_names: dict[str, str]) -> Schema:
    beside = {key: value for key, value in schema.items() if key not in _SHOWN_AS_PARAMETERS}
    properties = {new: _flat(found.properties[key], schema) for key, new in new_names.items()}
    if '"$ref"' not in json.dumps(properties, default=str):
        beside = {key: value for key, value in beside.items() if key not in _DEFINITIONS}
    return beside | {
        "type": "object",
        "properties": properties,
        "required": [new_names[key] for key in found.required if key in new_names],
    }


def _flat(part: Any, schema: Schema) -> Any:
    try:
        return flat(part, schema)
    except (RecursiveSchema, LookupError, TypeError):  # keep the references
        return part


def _arguments(schema: Schema, found: Members, new_names: dict[str, str]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for index, (name, new) in enumerate(new_names.items()):
        default = ... if name in found.required else _Absent
        part = found.properties[name] if name in found.certain else True
        checked = Annotated[Any, AfterValidator(checker(schema, part))]
        fields[f"field_{index}"] = (checked, Field(default, alias=new))
    validators: dict[str, Any] = {}
    if _OF_THE_WHOLE & schema.keys():
        validators["whole"] = model_validator(mode="after")(_whole(schema, list(new_names)))
    model = create_model(
        "Arguments", __config__=ConfigDict(extra="forbid"), __validators__=validators, **fields
    )
    return cast(type[BaseModel], model)


def _whole(schema: Schema, names: list[str]) -> Callable[[Any], Any]:
    """A check of all arguments together, by their names in the document."""
    check = checker(schema, schema)

    def whole(given: Any) -> Any:
        values = {name: getattr(given, f"field_{index}") for index, name in enumerate(names)}
        check({name: value for name, value in values.items() if value is not _Absent})
        return given

    return whole

"""What a function's signature says: types, defaults and with them the JSON Schema of a call.

Whatever keeps a function from being a tool is told as a ToolsetError with file, function and mend.

Not here: what its docstring says (`toolsets.tools.docstring`), the tool (`toolsets.tools.tool`).
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any, cast, get_type_hints

from docstring_parser import Docstring
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError, to_jsonable_python

from toolsets.errors import ToolsetError
from toolsets.tools.docstring import paragraph
from toolsets.tools.numbers import read_number
from toolsets.tools.schema import RecursiveSchema, flat

_STATE = object()
ChainState = Annotated[dict[str, Any], _STATE]
"""The type of the one parameter that takes the state of a chain: JSON values, empty at first.

The function may change it, and the chain's later calls get it so. The model never sees it."""


def parameter_types(function: Callable[..., Any], where: str) -> dict[str, Any]:
    """The type of each parameter, all of which can be given by name."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise ToolsetError(f"{where} has an unknown type: {error}; import it") from None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ToolsetError(f"{where} takes *{name}; name each parameter")
        if parameter.kind is parameter.POSITIONAL_ONLY or name.startswith("_"):
            raise ToolsetError(f"{where} cannot be given {name} by name; rename it, without a /")
        if name not in hints:
            raise ToolsetError(f"{where} has no type for parameter {name}; annotate it")
    return {name: hints[name] for name in inspect.signature(function).parameters}


def state_parameter(hints: dict[str, Any], where: str) -> str | None:
    names = [name for name, hint in hints.items() if _takes_state(hint)]
    if len(names) > 1:
        raise ToolsetError(f"{where} takes the chain's state twice; keep one of {names}")
    return names[0] if names else None


def _takes_state(hint: Any) -> bool:
    return _STATE in getattr(hint, "__metadata__", ())


def arguments_model(
    function: Callable[..., Any], hints: dict[str, Any], doc: Docstring, where: str
) -> type[BaseModel]:
    told = {param.arg_name: paragraph(param.description or "") for param in doc.params}
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if not _takes_state(hints[name]):
            default = ... if parameter.default is parameter.empty else parameter.default
            described: dict[str, Any] = {"description": told[name]} if told.get(name) else {}
            field = Field(default, alias=name, **described)
            fields[field_name(name)] = (hints[name], field)
    config = ConfigDict(extra="forbid", validate_default=True)
    try:
        model = create_model(function.__name__, __config__=config, **fields)
    except PydanticUserError as error:
        raise _without_json_form(error, where) from None
    return cast(type[BaseModel], model)


def field_name(parameter: str) -> str:
    """The name of a parameter's field in a pydantic model, which has attributes of its own."""
    clashes = hasattr(BaseModel, parameter) or parameter.startswith("model_")
    return f"{parameter}_" if clashes else parameter


def json_schema(arguments: type[BaseModel], where: str) -> dict[str, Any]:
    """The JSON Schema of the arguments, with each default as the JSON value it stands for."""
    defaults = {
        cast(str, field.alias): _json_default(field, where)
        for field in arguments.model_fields.values()
        if not field.is_required()
    }
    try:
        schema = flat(arguments.model_json_schema(schema_generator=_Schema))
    except PydanticUserError as error:
        raise _without_json_form(error, where) from None
    except RecursiveSchema as error:
        raise ToolsetError(f"{where} has a parameter whose type {error}; make it flat") from None
    for name, default in defaults.items():
        schema["properties"][name]["default"] = default
    return schema


class _Schema(GenerateJsonSchema):
    ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}  # noqa: RUF012


def _json_default(field: FieldInfo, where: str) -> Any:
    """The default as a JSON value, which must be an argument that the parameter takes."""
    what = f"{where} has a default for parameter {field.alias}"
    try:
        default = to_jsonable_python(_plain(field.default))
        json.dumps(default, allow_nan=False)
    except (PydanticSerializationError, ValueError) as error:
        raise ToolsetError(f"{what} that is not JSON: {error}; choose a plain value") from None
    annotated: Any = field.annotation
    if field.metadata:
        annotated = Annotated[annotated, *field.metadata]
    try:
        TypeAdapter(annotated).validate_python(default)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        got = f"{reason[0].lower()}{reason[1:]}, got {default!r}"
        raise ToolsetError(f"{what} that does not fit its type: {got}; mend either") from None
    return default


def _plain(default: Any) -> Any:
    """An exact number as the JSON number that it is."""
    if not isinstance(default, Fraction):
        return default
    if default.denominator == 1:
        return default.numerator
    if read_number(float(default)) != default:
        raise ValueError(f"{default} has no exact decimal form")
    return float(default)


def _without_json_form(error: PydanticUserError, where: str) -> ToolsetError:
    reason = error.message.splitlines()[0]
    return ToolsetError(f"{where} has a parameter without a JSON form: {reason}")

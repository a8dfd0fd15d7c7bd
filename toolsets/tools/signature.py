"""Types, defaults and the JSON Schema of a call from a function's signature.

A signature that cannot be used raises ToolsetError, which names file, function and fix.
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
"""The type of the one parameter for the state of a chain: JSON values, empty at first.

The function may change it; later calls of the chain get the changed state. The model never sees it.
"""


def parameter_types(function: Callable[..., Any], where: str) -> dict[str, Any]:
    """The type of each parameter; raises ToolsetError if one cannot be passed by name."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise ToolsetError(f"{where} has an unknown type: {error}; import it") from None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ToolsetError(f"{where} takes *{name}; name each parameter")
        if parameter.kind is parameter.POSITIONAL_ONLY or name.startswith("_"):
            reason = f"{where} has a parameter {name} that cannot be passed by name"
            raise ToolsetError(f"{reason}; remove the / or the leading underscore")
        if name not in hints:
            raise ToolsetError(f"{where} has no type for parameter {name}; annotate it")
    return {name: hints[name] for name in inspect.signature(function).parameters}


def state_parameter(hints: dict[str, Any], where: str) -> str | None:
    """The name of the ChainState parameter, or None."""
    names = [name for name, hint in hints.items() if _takes_state(hint)]
    if len(names) > 1:
        raise ToolsetError(f"{where} takes the chain's state twice; keep one of {names}")
    return names[0] if names else None


def arguments_model(
    function: Callable[..., Any], hints: dict[str, Any], doc: Docstring, where: str
) -> type[BaseModel]:
    """The pydantic model that validates the arguments of a call."""
    descriptions = {param.arg_name: paragraph(param.description or "") for param in doc.params}
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if not _takes_state(hints[name]):
            default = ... if parameter.default is parameter.empty else parameter.default
            text = descriptions.get(name)
            described: dict[str, Any] = {"description": text} if text else {}
            field = Field(default, alias=name, **described)
            fields[field_name(name)] = (hints[name], field)
    config = ConfigDict(extra="forbid", validate_default=True)
    try:
        model = create_model(function.__name__, __config__=config, **fields)
    except PydanticUserError as error:
        raise _without_json_form(error, where) from None
    return cast(type[BaseModel], model)


def field_name(parameter: str) -> str:
    """A field name for the parameter that does not clash with attributes of pydantic models."""
    clashes = hasattr(BaseModel, parameter) or parameter.startswith("model_")
    return f"{parameter}_" if clashes else parameter


def json_schema(arguments: type[BaseModel], where: str) -> dict[str, Any]:
    """The JSON Schema of the arguments, with each default as a JSON value."""
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
        raise ToolsetError(f"{where} has a parameter whose type {error}; flatten it") from None
    for name, default in defaults.items():
        schema["properties"][name]["default"] = default
    return schema


def _takes_state(hint: Any) -> bool:
    return _STATE in getattr(hint, "__metadata__", ())


class _Schema(GenerateJsonSchema):
    ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}  # noqa: RUF012


def _json_default(field: FieldInfo, where: str) -> Any:
    """The default as a JSON value; raises ToolsetError if the parameter does not accept it."""
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
        reason = f"{reason[0].lower()}{reason[1:]}, got {default!r}; correct one of them"
        raise ToolsetError(f"{what} that does not fit its type: {reason}") from None
    return default


def _plain(default: Any) -> Any:
    """A Fraction as the equal JSON number; other values unchanged."""
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

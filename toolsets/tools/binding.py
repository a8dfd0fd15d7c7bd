"""Bind a written call's arguments to a tool's parameters and validate their types."""

from __future__ import annotations

from typing import Any, cast

from pydantic import ValidationError

from toolsets.calls.model import WrittenCall
from toolsets.errors import CallError, LimitExceeded, shorten
from toolsets.tools.forms import fitting, same_name, unpacked
from toolsets.tools.tool import Tool


def bind(tool: Tool, written: WrittenCall) -> dict[str, Any]:
    """The arguments by parameter name; raises CallError of kind `bad_arguments`."""
    names = tool.parameter_names
    if written.positional and isinstance(written.positional[0], dict):
        written = unpacked(tool.parameters, written)
    if len(written.positional) > len(names):
        raise CallError(
            "bad_arguments",
            f"{tool.name} takes {len(names)} arguments, got {len(written.positional)}. "
            f"Use: {tool.signature}",
        )
    arguments = dict(zip(names, written.positional, strict=False))
    for key, value in written.keywords.items():
        if key not in names:
            key = same_name(key, names) or key
        if key in arguments:
            message = f"{tool.name} got argument {key} twice. Use: {tool.signature}"
            raise CallError("bad_arguments", message)
        arguments[key] = value
    schemas = tool.parameters["properties"]
    for key, value in arguments.items():
        if isinstance(value, str | list):
            arguments[key] = fitting(value, schemas.get(key))
    return arguments


def validate(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as Python values of the parameters' types.

    Raises CallError of kind `bad_arguments`, or `limit_exceeded` if one is too large.
    """
    try:
        checked = tool.arguments.model_validate(arguments)
    except ValidationError as error:
        cause = error.errors(include_url=False)[0].get("ctx", {}).get("error")
        kind = "limit_exceeded" if isinstance(cause, LimitExceeded) else "bad_arguments"
        raise CallError(kind, _explain(tool, error)) from None
    return {
        cast(str, field.alias): getattr(checked, name)
        for name, field in tool.arguments.model_fields.items()
    }


def _explain(tool: Tool, error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    match problem["type"]:
        case "missing":
            reason = f"argument {place} is missing"
        case "extra_forbidden":
            reason = f"there is no argument {shorten(place, 60)}"
        case _:
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] != "value_error":  # pydantic's own begin with a capital letter
                message = f"{message[0].lower()}{message[1:]}"
            got = shorten(repr(problem["input"]), 100)
            where = f"argument {place}: " if place else ""
            reason = f"{where}{message}, got {got}"
    return f"{tool.name}: {reason}. Use: {tool.signature}"

"""`@tool`: build a tool from a typed, documented Python function.

The signature gives the JSON Schema (through pydantic), the docstring the one-line description, the
parameters' descriptions and the example. An unsuitable function raises an error at this point, not
when it is called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, overload

import docstring_parser

from toolsets.calls.parse import parse_call
from toolsets.errors import CallError, ToolsetError
from toolsets.tools.binding import bind, validate
from toolsets.tools.docstring import description, example
from toolsets.tools.signature import (
    arguments_model,
    json_schema,
    parameter_types,
    state_parameter,
)
from toolsets.tools.tool import Limits, Tool


@overload
def tool(function: Callable[..., Any]) -> Tool: ...
@overload
def tool(
    *,
    wall_clock_seconds: float | None = None,
    memory_mib: int | None = None,
    output_characters: int | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    *,
    wall_clock_seconds: float | None = None,
    memory_mib: int | None = None,
    output_characters: int | None = None,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a typed, documented function: `@tool`, or `@tool(wall_clock_seconds=20)`.

    The docstring's first paragraph is the description, the first code line of its `Example:`
    section the example, and a parameter's description goes into the schema; Google's, NumPy's and
    Sphinx's styles are supported. Raises ToolsetError, which names file, function and fix, if the
    function cannot be a tool.
    """
    limits = Limits(wall_clock_seconds, memory_mib, output_characters)
    if function is None:
        return lambda function: _build(function, limits)
    return _build(function, limits)


def _build(function: Callable[..., Any], limits: Limits) -> Tool:
    if not inspect.isfunction(function):
        raise ToolsetError(f"{function!r} is not a plain function; write a function that calls it")
    where = f"{inspect.getsourcefile(function)}: function {function.__name__}"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ToolsetError(f"{where} is a generator; return one value instead")
    doc = docstring_parser.parse(inspect.getdoc(function) or "")
    if not doc.short_description:
        raise ToolsetError(f"{where} has no docstring; add one line that says what it does")
    types = parameter_types(function, where)
    arguments = arguments_model(function, types, doc, where)
    built = Tool(
        name=function.__name__,
        description=description(doc),
        parameters=json_schema(arguments, where),
        example=example(doc, function.__doc__ or ""),
        function=function,
        arguments=arguments,
        limits=limits,
        state_parameter=state_parameter(types, where),
    )
    _check_example(built, where)
    return built


def _check_example(built: Tool, where: str) -> None:
    if not built.example:
        return
    try:
        written = parse_call(built.example)
        if written.name != built.name:
            raise CallError("unknown_function", f"it calls {written.name}")
        validate(built, bind(built, written))
    except CallError as error:
        example = f"{where} has an example that is not a valid call of it: {built.example!r}"
        raise ToolsetError(f"{example}: {error}") from None

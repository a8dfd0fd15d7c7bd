"""A tool: what a model may call, built from a typed, documented Python function.

The signature gives the JSON Schema (through pydantic), the docstring the one-line description, the
parameters' descriptions and the example. Everything that can be wrong with a function is said when
the tool is built.

Not here: how signature and docstring are read (`toolsets.function`, `toolsets.docstring`), a call's
text (`toolsets.call`), sets of tools (`toolsets.toolset`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any, overload

import docstring_parser
from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from toolsets.binding import bind, validate
from toolsets.call import parse_call
from toolsets.docstring import description, example
from toolsets.errors import CallError, ToolsetError
from toolsets.function import (
    ChainState,
    arguments_model,
    json_schema,
    parameter_types,
    state_parameter,
)
from toolsets.numbers import read_number
from toolsets.schema import signature

__all__ = ["ChainState", "Limits", "Number", "Tool", "tool"]

Number = Annotated[Fraction, BeforeValidator(read_number), WithJsonSchema({"type": "number"})]
"""The type of an exact numeric parameter: a JSON number outside, a Fraction inside."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call of a tool may take; None is the executor's own limit."""

    wall_clock_seconds: float | None = None
    memory_mib: int | None = None
    output_characters: int | None = None

    def __post_init__(self) -> None:
        for name in ("wall_clock_seconds", "memory_mib", "output_characters"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ToolsetError(f"{name} must be more than 0, got {value}")


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call.

    `parameters` is the JSON Schema of its arguments, an object; `example` is a call as text, empty
    where the docstring gives none; `arguments` is the pydantic model that validates a call;
    `state_parameter` is the function's parameter for the chain's state, if it has one.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    example: str
    function: Callable[..., Any]
    arguments: type[BaseModel]
    limits: Limits = Limits()
    state_parameter: str | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The parameters' names, in the order of the signature."""
        return tuple(self.parameters["properties"])

    @property
    def signature(self) -> str:
        """The call's shape, such as `add(a: number, b: number)`."""
        return signature(self.name, self.parameters)

    @property
    def help(self) -> str:
        """One line for a prompt: signature, description, example (after microchain's help)."""
        example = f" Example: {self.example}" if self.example else ""
        return f"{self.signature} - {self.description}{example}"

    def renamed(self, name: str) -> Tool:
        """This tool under another name, in its example too."""
        example = self.example.replace(f"{self.name}(", f"{name}(", 1)
        return replace(self, name=name, example=example)

    def schema(self) -> dict[str, Any]:
        """The tool as OpenAI's `tools` parameter and chat templates want it."""
        function = {"name": self.name, "description": self.description}
        return {"type": "function", "function": function | {"parameters": self.parameters}}

    def mcp_schema(self) -> dict[str, Any]:
        """The tool as an MCP server lists it."""
        named = {"name": self.name, "description": self.description}
        return named | {"inputSchema": self.parameters}


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
    Sphinx's styles are read. Raises ToolsetError naming file, function and mend where the function
    cannot be a tool.
    """
    limits = Limits(wall_clock_seconds, memory_mib, output_characters)
    if function is None:
        return lambda function: _build(function, limits)
    return _build(function, limits)


def _build(function: Callable[..., Any], limits: Limits) -> Tool:
    if not inspect.isfunction(function):
        raise ToolsetError(f"{function!r} is no plain function; write one that calls it")
    where = f"{inspect.getsourcefile(function)}: function {function.__name__}"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ToolsetError(f"{where} yields; let it return one value")
    doc = docstring_parser.parse(inspect.getdoc(function) or "")
    if not doc.short_description:
        raise ToolsetError(f"{where} has no docstring; say in one line what it does")
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
        example = f"{where} has an example that is no call of it: {built.example!r}"
        raise ToolsetError(f"{example}: {error}") from None

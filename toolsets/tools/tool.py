"""A tool: what a model may call.

Not here: how one is built from a Python function (`toolsets.tools.decorator`), a call's text
(`toolsets.calls`), sets of tools (`toolsets.catalog`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from toolsets.errors import ToolsetError
from toolsets.tools.numbers import read_number
from toolsets.tools.schema import signature

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

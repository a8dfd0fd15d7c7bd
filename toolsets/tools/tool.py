"""A tool: a function that a model may call.

Not here: building one from a Python function (`toolsets.tools.decorator`), sets of tools
(`toolsets.catalog`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from toolsets.errors import ToolsetError
from toolsets.tools.numbers import read_argument, read_percent
from toolsets.tools.schema import signature

Number = Annotated[Fraction, BeforeValidator(read_argument), WithJsonSchema({"type": "number"})]
"""The type of an exact numeric parameter: a number in JSON, a Fraction in the function."""
Percent = Annotated[Fraction, BeforeValidator(read_percent), WithJsonSchema({"type": "number"})]
"""The type of a number of percent: 15 and "15%" are both 15."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one call of a tool; None means the executor's limit."""

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

    `parameters` is the JSON Schema of its arguments, an object; `example` is a call as text, or
    empty; `arguments` is the pydantic model that validates a call; `state_parameter` is the name of
    the function's parameter for the chain's state, or None. Executors run an `unconfined` one
    without a sandbox.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    example: str
    function: Callable[..., Any]
    arguments: type[BaseModel]
    limits: Limits = Limits()
    state_parameter: str | None = None
    unconfined: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def is_stateful(self) -> bool:
        """Whether the function keeps the chain's state."""
        return self.state_parameter is not None

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The parameters' names, in the order of the signature."""
        return tuple(self.parameters["properties"])

    @property
    def signature(self) -> str:
        """The signature, such as `add(a: number, b: number)`."""
        return signature(self.name, self.parameters)

    @property
    def help(self) -> str:
        """One line for a prompt: signature, description, example (after microchain's help)."""
        example = f" Example: {self.example}" if self.example else ""
        return f"{self.signature} - {self.description}{example}"

    def renamed(self, name: str) -> Tool:
        """A copy with another name, also in its example."""
        example = self.example.replace(f"{self.name}(", f"{name}(", 1)
        return replace(self, name=name, example=example)

    def schema(self) -> dict[str, Any]:
        """The tool in the format of OpenAI's `tools` parameter and of chat templates."""
        function = {"name": self.name, "description": self.description}
        return {"type": "function", "function": function | {"parameters": self.parameters}}

    def mcp_schema(self) -> dict[str, Any]:
        """The tool as an MCP server lists it."""
        named = {"name": self.name, "description": self.description}
        return named | {"inputSchema": self.parameters}

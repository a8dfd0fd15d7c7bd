"""A tool: what a model may call, built from a typed, documented Python function.

The signature gives the JSON Schema (through pydantic), the docstring the one-line description and
the example. Everything that can be wrong with a function is said when the tool is built.

Not here: reading a call's text (`toolsets.call`), sets of tools (`toolsets.toolset`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, cast, get_type_hints

import docstring_parser
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    create_model,
)
from pydantic.errors import PydanticUserError

from toolsets.errors import ToolsetError
from toolsets.numbers import read_number

Number = Annotated[Fraction, BeforeValidator(read_number), WithJsonSchema({"type": "number"})]
"""The type of an exact numeric parameter: a JSON number outside, a Fraction inside."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call.

    `parameters` is the JSON Schema of its arguments, an object; `example` is a call as text, empty
    where the docstring gives none; `arguments` is the pydantic model that validates a call.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    example: str
    function: Callable[..., Any]
    arguments: type[BaseModel]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The parameters' names, in the order of the signature."""
        return tuple(self.arguments.model_fields)

    @property
    def signature(self) -> str:
        """The call's shape, such as `add(a: number, b: number)`."""
        properties = self.parameters["properties"]
        return f"{self.name}({', '.join(f'{n}: {_type(s)}' for n, s in properties.items())})"

    @property
    def help(self) -> str:
        """One line for a prompt: signature, description, example (after microchain's help)."""
        example = f" Example: {self.example}" if self.example else ""
        return f"{self.signature} - {self.description}{example}"

    def schema(self) -> dict[str, Any]:
        """The tool as OpenAI's `tools` parameter and chat templates want it."""
        function = {"name": self.name, "description": self.description}
        return {"type": "function", "function": function | {"parameters": self.parameters}}


def tool(function: Callable[..., Any]) -> Tool:
    """Make a tool of a typed, documented function.

    The docstring's first sentence is the description; the first code line of its `Example:` section
    is the example. Raises ToolsetError naming file, function and mend where either is missing.
    """
    where = f"{inspect.getsourcefile(function)}: function {function.__name__}"
    if inspect.iscoroutinefunction(function):
        raise ToolsetError(f"{where} is async; make it a plain function")
    doc = docstring_parser.parse(inspect.getdoc(function) or "")
    if not doc.short_description:
        raise ToolsetError(f"{where} has no docstring; say in one line what it does")
    try:
        arguments = _arguments_model(function, where)
        parameters = _without_titles(arguments.model_json_schema())
    except PydanticUserError as error:
        reason = error.message.splitlines()[0]
        raise ToolsetError(f"{where} has a parameter without a JSON form: {reason}") from None
    return Tool(
        name=function.__name__,
        description=doc.short_description,
        parameters=parameters,
        example=_example(doc),
        function=function,
        arguments=arguments,
    )


def _arguments_model(function: Callable[..., Any], where: str) -> type[BaseModel]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ToolsetError(f"{where} has an unknown type: {error}; import it") from None
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ToolsetError(f"{where} takes *{name}; name each parameter")
        if parameter.kind is parameter.POSITIONAL_ONLY or name.startswith("_"):
            raise ToolsetError(f"{where} cannot be given {name} by name; rename it, without a /")
        if name not in hints:
            raise ToolsetError(f"{where} has no type for parameter {name}; annotate it")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints[name], Field(default))
    config = ConfigDict(extra="forbid", validate_default=True)
    return cast(type[BaseModel], create_model(function.__name__, __config__=config, **fields))


def _example(doc: docstring_parser.Docstring) -> str:
    for example in doc.examples:
        for line in (example.snippet or example.description or "").splitlines():
            if line.strip():
                return line.strip().removeprefix(">>> ")
    return ""


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, dict):
        kept = {k: v for k, v in schema.items() if not (k == "title" and isinstance(v, str))}
        return {key: _without_titles(value) for key, value in kept.items()}
    return [_without_titles(item) for item in schema] if isinstance(schema, list) else schema


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        types = [_type(part) for part in schema["anyOf"]]
        return " or ".join(t for t in types if not (t == "integer" and "number" in types))
    if "enum" in schema:
        return " or ".join(repr(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return schema.get("type", "any")

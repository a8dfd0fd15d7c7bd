"""A toolset: an ordered set of tools, how it is found, and how a call is bound and executed.

    load("arithmetic")                        a toolset that ships
    load("arithmetic[add,divide]")            some of its tools, in this order
    load("arithmetic+my_tools:toolset")       joined; `module:attribute` for one's own

Not here: processes and limits (`toolsets.executor`).
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import ValidationError

from toolsets.call import ToolCall, ToolResult, WrittenCall, parse_call
from toolsets.errors import CallError, LimitExceeded, ToolsetError
from toolsets.numbers import write_number
from toolsets.tool import Tool

SHIPPED = {"arithmetic": "toolsets.arithmetic:toolset"}
LONGEST_OUTPUT = 10_000  # characters

_PART = re.compile(r"(?P<base>\w+(?:\.\w+)*(?::\w+)?)(?:\[(?P<names>[^\[\]]*)\])?")


@dataclass(frozen=True, slots=True)
class Toolset:
    """An ordered set of tools with one name, the text that `load` finds it by."""

    name: str
    tools: tuple[Tool, ...]

    def __post_init__(self) -> None:
        names = [tool.name for tool in self.tools]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ToolsetError(f"toolset {self.name} has two tools named {twice[0]}; rename one")

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The tools' names, in order."""
        return tuple(tool.name for tool in self.tools)

    @property
    def help(self) -> str:
        """One line per tool, for a prompt."""
        return "\n".join(tool.help for tool in self.tools)

    def __getitem__(self, name: str) -> Tool:
        """The tool of this name; raises CallError of kind `unknown_function`."""
        for tool in self.tools:
            if tool.name == name:
                return tool
        hint = f" Did you mean {near}?" if (near := nearest(name, self.tool_names)) else ""
        known = ", ".join(self.tool_names)
        message = f"There is no function {_shorten(name, 60)}.{hint} The functions are: {known}."
        raise CallError("unknown_function", message)

    def select(self, names: Iterable[str]) -> Toolset:
        """Some of the tools, in the order given; raises ToolsetError for a name it lacks."""
        wanted = tuple(names)
        for name in wanted:
            if name not in self.tool_names:
                known = ", ".join(self.tool_names)
                raise ToolsetError(f"toolset {self.name} has no function {name!r}; it has: {known}")
        by_name = {tool.name: tool for tool in self.tools}
        whole = self.name if "+" in self.name else self.name.partition("[")[0]
        return Toolset(f"{whole}[{','.join(wanted)}]", tuple(by_name[name] for name in wanted))

    def __add__(self, other: Toolset) -> Toolset:
        return Toolset(f"{self.name}+{other.name}", self.tools + other.tools)

    def parse(self, text: str) -> ToolCall:
        """Read and bind the call in `text`; raises CallError with a message for the model."""
        written = parse_call(text)
        tool = self[written.name]
        arguments = _bind(tool, written)
        validate(tool, arguments)
        return ToolCall(tool.name, arguments, text)

    def execute(self, call: ToolCall) -> ToolResult:
        """Run `call` in this process; whatever the function raises becomes a ToolResult."""
        try:
            tool = self[call.name]
            return _run(tool, validate(tool, call.arguments))
        except CallError as error:
            return ToolResult(False, str(error), error.kind)


def load(name: str) -> Toolset:
    """Find the toolset that `name` stands for; raises ToolsetError saying what is wrong."""
    toolset: Toolset | None = None
    for part in name.split("+"):
        match = _PART.fullmatch(part.strip())
        if not match:
            raise ToolsetError(f"toolset {part!r} is not of the form name[function,...]")
        found = _load_base(match["base"])
        if match["names"] is not None:
            found = found.select(n.strip() for n in match["names"].split(","))
        toolset = found if toolset is None else toolset + found
    assert toolset is not None  # str.split never returns an empty list
    return toolset


def validate(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """The Python values of `arguments`.

    Raises CallError of kind `bad_arguments`, or `limit_exceeded` where one is too large.
    """
    try:
        checked = tool.arguments.model_validate(arguments)
    except ValidationError as error:
        cause = error.errors(include_url=False)[0].get("ctx", {}).get("error")
        kind = "limit_exceeded" if isinstance(cause, LimitExceeded) else "bad_arguments"
        raise CallError(kind, _explain(tool, error)) from None
    return {name: getattr(checked, name) for name in tool.arguments.model_fields}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, if any is close."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def _load_base(base: str) -> Toolset:
    path = SHIPPED.get(base, base)
    if ":" not in path:
        hint = f"; did you mean {near}?" if (near := nearest(base, SHIPPED)) else ""
        ships = ", ".join(SHIPPED)
        raise ToolsetError(
            f"toolset {base!r} does not exist{hint} (shipped: {ships}; one's own: module:attribute)"
        )
    module_name, _, attribute = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
        reason = f"module {module_name} fails to import: {error}"
        raise ToolsetError(f"toolset {base!r}: {reason}") from error
    found = getattr(module, attribute, None)
    if not isinstance(found, Toolset):
        raise ToolsetError(f"toolset {base!r}: {module_name}.{attribute} is not a Toolset")
    return found if base in SHIPPED else Toolset(base, found.tools)


def _bind(tool: Tool, written: WrittenCall) -> dict[str, Any]:
    names = tool.parameter_names
    if len(written.positional) > len(names):
        raise CallError(
            "bad_arguments",
            f"{tool.name} takes {len(names)} arguments, got {len(written.positional)}. "
            f"Use: {tool.signature}",
        )
    arguments = dict(zip(names, written.positional, strict=False))
    for key, value in written.keywords.items():
        if key in arguments:
            message = f"{tool.name} got argument {key} twice. Use: {tool.signature}"
            raise CallError("bad_arguments", message)
        arguments[key] = value
    return arguments


def _run(tool: Tool, values: dict[str, Any]) -> ToolResult:
    try:
        content = _write(tool.function(**values))
    except LimitExceeded as error:
        return ToolResult(False, f"{tool.name}: {error}", "limit_exceeded")
    except MemoryError:
        return ToolResult(False, f"{tool.name} needs too much memory", "limit_exceeded")
    except Exception as error:  # the executor's boundary: any function, any error
        return ToolResult(False, f"{tool.name}: {_shorten(_say(error), 1000)}", "function_error")
    if len(content) > LONGEST_OUTPUT:
        message = f"{tool.name}: the result is longer than {LONGEST_OUTPUT:,} characters"
        return ToolResult(False, message, "limit_exceeded")
    return ToolResult(True, content)


def _say(error: Exception) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # still the boundary: an error may be unable to say itself
        return type(error).__name__


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _write(value: Any) -> str:
    if isinstance(value, Fraction):
        return write_number(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_write(item) for item in value)}]"
    return str(value)


def _explain(tool: Tool, error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    match problem["type"]:
        case "missing":
            reason = f"argument {place} is missing"
        case "extra_forbidden":
            reason = f"there is no argument {_shorten(place, 60)}"
        case _:
            message = problem["msg"].removeprefix("Value error, ")
            got = _shorten(repr(problem["input"]), 100)
            reason = f"argument {place}: {message[0].lower()}{message[1:]}, got {got}"
    return f"{tool.name}: {reason}. Use: {tool.signature}"

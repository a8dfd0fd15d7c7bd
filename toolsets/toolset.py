"""A toolset: an ordered set of tools, how it is found, and how a call is bound and executed.

    load("arithmetic")                        a toolset that ships
    load("arithmetic[add,divide]")            some of its tools, in this order
    load("arithmetic[*,add as plus]")         one renamed, the others as they are
    load("arithmetic+my_tools:toolset")       joined; `module:attribute` for one's own
    load("(arithmetic+my_tools:toolset)[*,add as plus]")

Not here: processes and limits (`toolsets.executor`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count
from keyword import iskeyword

from toolsets.binding import bind, validate
from toolsets.call import ToolCall, ToolResult, parse_call
from toolsets.errors import CallError, ToolsetError, shorten
from toolsets.modules import find
from toolsets.running import run
from toolsets.tool import Tool

SHIPPED = {
    "arithmetic": "toolsets.arithmetic:toolset",
    "algebra": "toolsets.algebra:toolset",
    "logic": "toolsets.logic:toolset",
    "constraints": "toolsets.constraints:toolset",
}

_BASE = re.compile(r"(?P<base>\w+(?:\.\w+)*(?::\w+)?)\s*")
_BRACKETS = re.compile(r"\[(?P<items>[^\[\]]*)\]\s*")


@dataclass(frozen=True, slots=True)
class Toolset:
    """An ordered set of tools with one name, the text that `load` finds it by.

    `unconfined` is for functions that need the network, files or processes of their own: executors
    run them without a sandbox.
    """

    name: str
    tools: tuple[Tool, ...]
    unconfined: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "tools", tuple(self.tools))  # a list will do
        for tool in self.tools:
            if not isinstance(tool, Tool):
                raise ToolsetError(f"toolset {self.name}: {_told(tool)} is no tool; write @tool")
        names = [tool.name for tool in self.tools]
        if twice := [name for name in names if names.count(name) > 1]:
            places = {_told(tool.function) for tool in self.tools if tool.name == twice[0]}
            where = f" ({' and '.join(sorted(places))})" if len(places) > 1 else ""
            raise ToolsetError(
                f"toolset {self.name} has two tools named {twice[0]}; rename one{where}"
            )

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
        message = f"There is no function {shorten(name, 60)}.{hint} The functions are: {known}."
        raise CallError("unknown_function", message)

    def select(self, items: Iterable[str]) -> Toolset:
        """Some of the tools, in the order given.

        An item is a tool's name, `name as other` to rename it, or `*` for all the tools that no
        other item names. Raises ToolsetError for a name that it lacks or that cannot be one.
        """
        pairs = [_read_item(item) for item in items]
        written = ",".join(old if old == new else f"{old} as {new}" for old, new in pairs)
        name = f"{self._grouped}[{written}]"
        named = {old for old, _ in pairs}
        rest = [(tool.name, tool.name) for tool in self.tools if tool.name not in named]
        wanted = [p for pair in pairs for p in (rest if pair[0] == "*" else [pair])]
        tools = tuple(self._tool(old).renamed(new) for old, new in wanted)
        return Toolset(name, tools, self.unconfined)

    def __add__(self, other: Toolset) -> Toolset:
        name = f"{self.name}+{other.name}"
        names = [*self.tool_names, *other.tool_names]
        if clashes := [clash for clash in other.tool_names if clash in self.tool_names]:
            renames = ", ".join(f"{clash} as {_new(clash, names)}" for clash in clashes)
            raise ToolsetError(
                f"toolset {name} has two functions named {clashes[0]}; rename one, such as by "
                f"{self.name}+{other._grouped}[*, {renames}]"
            )
        return Toolset(name, self.tools + other.tools, self.unconfined or other.unconfined)

    @property
    def _grouped(self) -> str:
        """The name, such that brackets behind it hold for all of it."""
        return f"({self.name})" if "+" in self.name else self.name

    def _tool(self, name: str) -> Tool:
        for tool in self.tools:
            if tool.name == name:
                return tool
        known = ", ".join(self.tool_names)
        raise ToolsetError(f"toolset {self.name} has no function {name!r}; it has: {known}")

    def parse(self, text: str) -> ToolCall:
        """Read and bind the call in `text`; raises CallError with a message for the model."""
        written = parse_call(text)
        tool = self[written.name]
        arguments = bind(tool, written)
        validate(tool, arguments)
        return ToolCall(tool.name, arguments, text)

    def execute(self, call: ToolCall) -> ToolResult:
        """Run `call` in this process; whatever the function raises becomes a ToolResult."""
        try:
            tool = self[call.name]
            return run(tool, validate(tool, call.arguments), call.state)
        except CallError as error:
            return ToolResult(False, str(error), error.kind)


def load(name: str) -> Toolset:
    """Find the toolset that `name` stands for; raises ToolsetError saying what is wrong."""
    toolset, rest = _read_sum(name.strip())
    if rest:
        raise _malformed(name)
    return toolset


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, if any is close."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def _read_item(item: str) -> tuple[str, str]:
    """A tool's name, and the name that it gets."""
    old, _, new = (part.strip() for part in item.partition(" as "))
    if new and not (new.isidentifier() and not iskeyword(new)):
        raise ToolsetError(f"{new!r} cannot be the name of a function; use letters, digits and _")
    return old, new or old


def _new(name: str, taken: Iterable[str]) -> str:
    plain = name.replace(".", "_")
    return next(new for i in count(2) if (new := f"{plain}_{i}") not in taken)


def _told(thing: object) -> str:
    code = getattr(thing, "__code__", None)
    if code is None:
        return repr(thing)
    return f"{code.co_filename}, line {code.co_firstlineno}: function {code.co_name}"


def _read_sum(text: str) -> tuple[Toolset, str]:
    """The toolset at the start of `text`, and the text behind it."""
    toolset, rest = _read_part(text)
    while rest.startswith("+"):
        part, rest = _read_part(rest[1:].lstrip())
        toolset = toolset + part
    return toolset, rest


def _read_part(text: str) -> tuple[Toolset, str]:
    if text.startswith("("):
        toolset, rest = _read_sum(text[1:].lstrip())
        if not rest.startswith(")"):
            raise _malformed(text)
        rest = rest[1:].lstrip()
    elif match := _BASE.match(text):
        toolset, rest = _load_base(match["base"]), text[match.end() :]
    else:
        raise _malformed(text)
    while match := _BRACKETS.match(rest):
        toolset, rest = toolset.select(match["items"].split(",")), rest[match.end() :]
    return toolset, rest


def _malformed(text: str) -> ToolsetError:
    form = "name, name[function,other as new,...] or name+name"
    return ToolsetError(f"toolset {text!r} is not of the form {form}")


def _load_base(base: str) -> Toolset:
    path = SHIPPED.get(base, base)
    if ":" not in path:
        hint = f"; did you mean {near}?" if (near := nearest(base, SHIPPED)) else ""
        ships = ", ".join(SHIPPED)
        raise ToolsetError(
            f"toolset {base!r} does not exist{hint} (shipped: {ships}; one's own: module:attribute)"
        )
    try:
        found = find(path, Toolset)
    except ToolsetError as error:
        raise ToolsetError(f"toolset {base!r}: {error}") from error
    assert isinstance(found, Toolset)
    return found if base in SHIPPED else replace(found, name=base)

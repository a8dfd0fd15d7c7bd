"""A toolset: an ordered set of tools that parses calls and runs them in this process.

Not here: loading one by name (`toolsets.catalog.load`), processes and limits
(`toolsets.execution`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import count
from keyword import iskeyword
from operator import add

from toolsets.calls.model import ToolCall, ToolResult, WrittenCall
from toolsets.calls.names import match_name
from toolsets.calls.parse import parse_call, parse_calls
from toolsets.catalog.synonyms import call_instead
from toolsets.errors import CallError, ToolsetError, nearest, shorten
from toolsets.tools.binding import bind, validate
from toolsets.tools.running import run
from toolsets.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class Toolset:
    """An ordered set of tools; `load` accepts its `name`.

    `unconfined=True` is for functions that need the network, files or other processes: executors
    run these without a sandbox. Joined to others, each tool keeps its own; then `unconfined` says
    whether one of them is. `parts` are the toolsets that this one was joined from.
    """

    name: str
    tools: tuple[Tool, ...]
    unconfined: bool = False
    parts: tuple[Toolset, ...] = field(default=(), repr=False, compare=False)
    _names: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for tool in self.tools:
            if not isinstance(tool, Tool):
                raise ToolsetError(
                    f"toolset {self.name}: {_location(tool)} is not a tool; decorate it with @tool"
                )
        free = self.unconfined
        tools = (replace(tool, unconfined=True) if free else tool for tool in self.tools)
        object.__setattr__(self, "tools", tuple(tools))  # may be given as a list
        object.__setattr__(self, "unconfined", any(tool.unconfined for tool in self.tools))
        object.__setattr__(self, "_names", tuple(tool.name for tool in self.tools))
        names = self._names
        if twice := [name for name in names if names.count(name) > 1]:
            places = {_location(tool.function) for tool in self.tools if tool.name == twice[0]}
            where = f" ({' and '.join(sorted(places))})" if len(places) > 1 else ""
            raise ToolsetError(
                f"toolset {self.name} has two tools named {twice[0]}; rename one{where}"
            )

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The tools' names, in order."""
        return self._names

    @property
    def help(self) -> str:
        """One line per tool, for a prompt."""
        return "\n".join(tool.help for tool in self.tools)

    def __getitem__(self, name: str) -> Tool:
        """The tool of this name, as `match_name` matches it.

        Raises CallError of kind `unknown_function`.
        """
        for tool in self.tools:
            if tool.name == name:
                return tool
        if meant := match_name(name, self.tool_names):
            return self[meant]
        known = ", ".join(self.tool_names)
        hint = self._hint(name)
        message = f"There is no function {shorten(name, 60)}.{hint} The functions are: {known}."
        raise CallError("unknown_function", message)

    def select(self, items: Iterable[str]) -> Toolset:
        """A toolset of some of the tools, in the order given.

        An item is a tool's name, `name as other` to rename it, or `*` for all the tools that no
        other item names. Raises ToolsetError for an unknown or invalid name.
        """
        pairs = [_read_item(item) for item in items]
        written = ",".join(old if old == new else f"{old} as {new}" for old, new in pairs)
        name = f"{self._name_for_selection}[{written}]"
        named = {old for old, _ in pairs}
        rest = [(tool.name, tool.name) for tool in self.tools if tool.name not in named]
        wanted = [p for pair in pairs for p in (rest if pair[0] == "*" else [pair])]
        tools = tuple(self._tool(old).renamed(new) for old, new in wanted)
        parts = (part._only(wanted) for part in self.parts)
        return Toolset(name, tools, parts=tuple(part for part in parts if part.tools))

    def confined_or_not(self) -> tuple[Toolset, ...]:
        """The confined tools and the others, each as a toolset that `load` accepts by its name."""
        if len({tool.unconfined for tool in self.tools}) < 2:
            return (self,)
        return self._where(False), self._where(True)

    def named(self, name: str) -> Toolset:
        """The same tools under a name that `load` accepts for all of them."""
        return Toolset(name, self.tools)

    def __add__(self, other: Toolset) -> Toolset:
        name = f"{self.name}+{other.name}"
        names = [*self.tool_names, *other.tool_names]
        if clashes := [clash for clash in other.tool_names if clash in self.tool_names]:
            renames = ", ".join(f"{clash} as {_unused_name(clash, names)}" for clash in clashes)
            raise ToolsetError(
                f"toolset {name} has two functions named {clashes[0]}; rename one, such as by "
                f"{self.name}+{other._name_for_selection}[*, {renames}]"
            )
        parts = (self.parts or (self,)) + (other.parts or (other,))
        return Toolset(name, self.tools + other.tools, parts=parts)

    def parse(self, text: str) -> ToolCall:
        """Parse and bind the call in `text`; raises CallError with a message for the model."""
        return self._bound(parse_call(text, self.tool_names), text)

    def parse_several(self, text: str) -> tuple[ToolCall, ...]:
        """Parse and bind every call in `text`; raises CallError as `parse`, also if one of several
        cannot be made."""
        written = parse_calls(text, self.tool_names)
        return tuple(self._bound(each, text) for each in written)

    def execute(self, call: ToolCall) -> ToolResult:
        """Run `call` in this process; every exception becomes a failed ToolResult."""
        try:
            tool = self[call.name]
            return run(tool, validate(tool, call.arguments), call.state)
        except CallError as error:
            return ToolResult(False, str(error), error.kind)

    @property
    def _name_for_selection(self) -> str:
        """The name, in parentheses if brackets after it would apply to its last part only."""
        return f"({self.name})" if "+" in self.name else self.name

    def _bound(self, written: WrittenCall, text: str) -> ToolCall:
        tool = self[written.name]
        arguments = bind(tool, written)
        validate(tool, arguments)
        return ToolCall(tool.name, arguments, text)

    def _hint(self, name: str) -> str:
        """A sentence that names what was probably meant by an unknown name, or nothing."""
        if call := call_instead(name, self.tools):
            return f" Write {call}."
        return f" Did you mean {near}?" if (near := nearest(name, self.tool_names)) else ""

    def _only(self, pairs: Iterable[tuple[str, str]]) -> Toolset:
        """The tools that the pairs name, without the names of other toolsets' tools."""
        own = [(old, new) for old, new in pairs if old in self.tool_names]
        return self.select([f"{old} as {new}" if old != new else old for old, new in own])

    def _where(self, unconfined: bool) -> Toolset:
        found = []
        for part in self.parts or (self,):
            names = [tool.name for tool in part.tools if tool.unconfined == unconfined]
            if names:
                found.append(part if len(names) == len(part.tools) else part.select(names))
        return reduce(add, found)

    def _tool(self, name: str) -> Tool:
        for tool in self.tools:
            if tool.name == name:
                return tool
        call = call_instead(name, self.tools)
        hint = f"; for {name} choose {call.partition('(')[0]}" if call else ""
        known = ", ".join(self.tool_names)
        raise ToolsetError(f"toolset {self.name} has no function {name!r}; it has: {known}{hint}")


def _read_item(item: str) -> tuple[str, str]:
    """A tool's name and its new name."""
    old, _, new = (part.strip() for part in item.partition(" as "))
    if new and not (new.isidentifier() and not iskeyword(new)):
        raise ToolsetError(f"{new!r} cannot be the name of a function; use letters, digits and _")
    return old, new or old


def _unused_name(name: str, taken: Iterable[str]) -> str:
    plain = name.replace(".", "_")
    return next(new for i in count(2) if (new := f"{plain}_{i}") not in taken)


def _location(thing: object) -> str:
    code = getattr(thing, "__code__", None)
    if code is None:
        return repr(thing)
    return f"{code.co_filename}, line {code.co_firstlineno}: function {code.co_name}"

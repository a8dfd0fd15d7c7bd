r"""The grammar of a toolset's calls, for constrained decoding.

`name(a=1, b=[2, "x"])`: one alternative per function, arguments by name in the order of the schema,
values as Python literals. `Toolset.parse` accepts every call in the grammar of up to
`toolsets.calls.parse.LONGEST_CALL` characters, except texts in which `\n` before `u`, `e` or `mid`
might be LaTeX. Schema constraints other than types, choices and
required members (patterns, sizes, recursion) are checked only when the arguments are validated.

The format is xgrammar's EBNF, which is llama.cpp's GBNF.

Not here: the decoding (`pipeline.engine.engine`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from toolsets.catalog.toolset import Toolset
from toolsets.tools.schema import Schema
from toolsets.tools.tool import Tool

DEEPEST_UNTYPED = 3  # nested lists and dicts in a value of type any

# Numbers are bounded so that each is finite and no model writes digits without end. In a list, a
# space follows each comma, as [1,200] might be one number.
_VALUES = r"""
scalar ::= number | string | boolean | null
number ::= integer ("." [0-9]{1,30})? ([eE] ("+"? [0-9]{1,2} | "-" [0-9]{1,3}))?
integer ::= "-"? ("0" | [1-9] [0-9]{0,199})
string ::= "\"" ([^"\\\x00-\x1f] | escape)* "\"" | "'" ([^'\\\x00-\x1f] | escape)* "'"
escape ::= "\\" (["'\\nrt] | "x" hex hex | "u" ([0-9a-ce-fA-CE-F] hex | [dD] [0-7]) hex hex)
hex ::= [0-9a-fA-F]
boolean ::= "True" | "False"
null ::= "None"
comma ::= "," " "?
next ::= ", "
colon ::= ":" " "?
"""


def call_grammar(toolset: Toolset, most: int = 1, alone: str | None = None) -> str:
    """The grammar of one call of any of the tools; its start rule is `root`.

    With `most` above 1: of up to so many calls, one per line; the tool `alone` is called alone.
    """
    rules = _Rules()
    calls = {tool.name: rules.call(tool) for tool in toolset.tools}
    root = " | ".join(calls.values())
    several = [call for name, call in calls.items() if name != alone]
    if most > 1 and several:
        call = f"({' | '.join(several)})"
        root = f'{call} ("\\n" {call}){{0,{most - 1}}}'
        root += f" | {calls[alone]}" if alone in calls else ""
    return f"root ::= {root}\n{rules}{_VALUES}"


class _Rules:
    """Rules of the grammar; each method returns an expression and adds the rules it uses."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # rule names by rule body

    def __str__(self) -> str:
        return "\n".join(f"{name} ::= {body}" for body, name in self._names.items())

    def call(self, tool: Tool) -> str:
        arguments = self._members(tool.parameters, lambda name: _quoted(f"{name}="))
        return self._rule(f"{_quoted(f'{tool.name}(')} {arguments} {_quoted(')')}")

    def _rule(self, body: str) -> str:
        return self._names.setdefault(body, f"rule{len(self._names)}")

    def _members(self, schema: Schema, named: Callable[[str], str]) -> str:
        """The properties of an object in their order; optional ones may be left out."""
        required = schema.get("required", ())
        properties = schema.get("properties", {}).items()
        return self._some(
            [(f"{named(name)} {self._value(part)}", name in required) for name, part in properties]
        )

    def _some(self, members: Sequence[tuple[str, bool]], begun: bool = False) -> str:
        """Members with their required flags; `begun`: at least one member precedes them."""
        if not members:
            return '""'
        (member, required), *others = members
        after = self._some(others, True)
        given = f"{'comma ' * begun}{member} {after}"
        if required:
            return self._rule(given)
        return self._rule(f"{given} | {after if begun else self._some(others)}")

    def _value(self, schema: Any) -> str:
        if not isinstance(schema, dict):  # true and false are schemas too
            return self._untyped()
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self._combined(schema, key)
        if "const" in schema:
            return _literal(schema["const"])
        if schema.get("enum"):
            return self._either(_literal(value) for value in schema["enum"])
        match schema.get("type"):
            case [*kinds]:
                return self._either(self._value(schema | {"type": kind}) for kind in kinds)
            case "number" | "integer" | "string" | "boolean" | "null" as kind:
                return kind
            case "array":
                return self._array(schema)
            case "object":
                return self._object(schema)
        return self._untyped()

    def _combined(self, schema: Schema, key: str) -> str:
        rest = {name: part for name, part in schema.items() if name != key}
        wholes = [rest | part if isinstance(part, dict) else rest for part in schema[key]]
        if key == "allOf" and len(wholes) != 1:
            return self._untyped()
        return self._either(self._value(whole) for whole in wholes)

    def _array(self, schema: Schema) -> str:
        if "prefixItems" in schema:
            parts = " next ".join(self._value(part) for part in schema["prefixItems"])
            return self._rule(f'"[" {parts} "]"')
        return self._list(self._value(schema.get("items")), schema.get("minItems", 0) == 0)

    def _object(self, schema: Schema) -> str:
        if schema.get("properties"):
            return self._rule(f'"{{" {self._members(schema, _key)} "}}"')
        values = schema.get("additionalProperties")
        return '"{}"' if values is False else self._dict(self._value(values))

    def _untyped(self, depth: int = DEEPEST_UNTYPED) -> str:
        if depth == 0:
            return "scalar"
        inner = self._untyped(depth - 1)
        return self._either(["scalar", self._list(inner), self._dict(inner)])

    def _list(self, item: str, empty: bool = True) -> str:
        return self._rule(f'"[" ({item} (next {item})*){"?" * empty} "]"')

    def _dict(self, value: str) -> str:
        member = self._rule(f"string colon {value}")
        return self._rule(f'"{{" ({member} (comma {member})*)? "}}"')

    def _either(self, expressions: Iterable[str]) -> str:
        return self._rule(" | ".join(dict.fromkeys(expressions)))


def _key(name: str) -> str:
    return f"{_literal(name)} colon"


def _literal(value: Any) -> str:
    """A value as a Python literal; a string in single or in double quotes."""
    written = [repr(value)]
    if isinstance(value, str):
        written.append(json.dumps(value, ensure_ascii=False))
    return f"({' | '.join(_quoted(text) for text in dict.fromkeys(written))})"


def _quoted(text: str) -> str:
    """`text` as a terminal of the grammar."""
    return json.dumps(text, ensure_ascii=False)

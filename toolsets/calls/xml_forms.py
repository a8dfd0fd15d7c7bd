"""Calls written as tags, whose arguments are texts without quotes.

    <function=add><parameter=a>2</parameter></function>                      Qwen3-Coder
    <tool_call>add<arg_key>a</arg_key><arg_value>2</arg_value></tool_call>   GLM
    <invoke name="add"><parameter name="a">2</parameter></invoke>            MiniMax

Only the function's schema tells whether `2` is a number or a text, so an argument is a `RawText`
until it is bound (`toolsets.tools.binding`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolsets.calls.literal import checked, unparseable
from toolsets.calls.model import RawText, WrittenCall
from toolsets.errors import shorten

_NAME = r"[^\W\d][\w.]*+"
_PREFIX = r"(?:\w+:|\uff5cDSML\uff5c)?"  # antml:, steptml:, DeepSeek's
START = (
    rf"<{_PREFIX}function={_NAME}>(?!\s*+\{{)|<{_PREFIX}invoke\s+name=\"{_NAME}\"\s*+>"
    rf"|<{_PREFIX}function\s+name=\"{_NAME}\"\s*+>(?!\s*+\{{)"
    rf"|<tool_call>\s*+{_NAME}\s*+(?=<arg_key>|</tool_call>)"
)
_START = re.compile(
    rf"<(?:(?P<tag>{_PREFIX}(?:function|invoke))(?:=|\s+name=\")|tool_call>\s*)(?P<name>{_NAME})"
    r"[\">\s]*+"
)
_PARAMETER = re.compile(
    rf"\s*+<(?P<tag>{_PREFIX}param(?:eter)?)(?:=|\s+name=)\"?(?P<key>[^\">\s]+)\"?"
    r"(?:\s+string=\"(?P<string>true|false)\")?\s*+>"
)
_ARGUMENT = re.compile(r"\s*+<arg_key>(?P<key>[^<>]*+)</arg_key>\s*+<(?P<tag>arg_value)>")

_INNER = re.compile(rf"<{_PREFIX}(?:function|invoke|param(?:eter)?|arg_key|arg_value)\b")


@dataclass(frozen=True, slots=True)
class TaggedCall:
    """The end of a call's tags in the reply, and its name, arguments and flaw, if any."""

    end: int
    name: str
    arguments: tuple[tuple[str, str], ...]
    flaw: str = ""

    def read(self) -> WrittenCall:
        """The call; raises CallError if its tags cannot be read."""
        if self.flaw:
            raise unparseable(f"The call of {shorten(self.name, 60)} cannot be read. {self.flaw}")
        keywords: dict[str, str] = {}
        for key, value in self.arguments:
            if key in keywords:
                raise unparseable(f"The argument {shorten(key, 60)} is given twice.")
            checked(value)
            keywords[key] = value
        return WrittenCall(self.name, (), keywords)


def tagged_call(text: str, start: int) -> TaggedCall:
    """The call whose opening tag, one of `START`, begins at `start`."""
    opening = _START.match(text, start)
    assert opening is not None
    name, tag = opening["name"], opening["tag"] or "tool_call"
    pattern = _PARAMETER if opening["tag"] else _ARGUMENT
    position = opening.end()
    arguments: list[tuple[str, str]] = []
    while parameter := pattern.match(text, position):
        closing = f"</{parameter['tag']}>"
        value, found, _ = text[parameter.end() :].partition(closing)
        if not found:
            return TaggedCall(len(text), name, (), f"{closing} is missing.")
        position = parameter.end() + len(value) + len(closing)
        if tags := _INNER.search(value):
            flaw = (
                f"The argument {parameter['key']} holds {tags.group()}, which may be a call's tag."
            )
            return TaggedCall(position, name, (), flaw)
        arguments.append((parameter["key"].strip(), _value(value, parameter)))
    return _closed(text, position, TaggedCall(position, name, tuple(arguments)), f"</{tag}>")


def _closed(text: str, position: int, call: TaggedCall, closing: str) -> TaggedCall:
    rest = text[position:].lstrip()
    end = len(text) - len(rest) + len(closing)
    if rest.startswith(closing):
        return TaggedCall(end, call.name, call.arguments)
    if not rest:
        return TaggedCall(len(text), call.name, (), f"It is not closed: {closing} is missing.")
    where = shorten(rest.splitlines()[0], 40)
    flaw = f"An argument or {closing} is expected in place of {where!r}."
    return TaggedCall(position, call.name, (), flaw)


def _value(value: str, parameter: re.Match[str]) -> str:
    """An argument's text, without the line breaks that set it off from its tags."""
    value = value.removeprefix("\n").removesuffix("\n")
    is_text = parameter.groupdict().get("string") == "true"
    return value if is_text else RawText(value)

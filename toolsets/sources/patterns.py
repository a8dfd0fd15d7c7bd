"""Regular expressions of JSON Schemas (ECMA-262), matched in linear time.

Python's `re` does not read `\\p{L}`, and needs years for `^(a+)+$` on some texts. So a pattern is
written in the dialect of Rust's `regex`, which pydantic brings: its time is linear in the text.
What that engine lacks (lookaround, backreferences) cannot be matched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

_SPACES = r"\t\n\x0B\x0C\r \xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
# The members of ECMA's classes, which are smaller than Unicode's except for the spaces.
_MEMBERS = {"d": "0-9", "w": "A-Za-z0-9_", "s": rf"{_SPACES}\x{{FEFF}}"}
_MEMBERS |= {letter.upper(): f"[^{members}]" for letter, members in _MEMBERS.items()}
_DOT = r"[^\n\r\x{2028}\x{2029}]"
_TOKEN = re.compile(
    r"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w"  # a character beyond 16 bits
    r"|\\u\{\w+\}|\\u\w{4}|\\x\w\w|\\[pP]\{[^}]*\}|\\c[A-Za-z]|\\\d+|\\.|\[\^?\]?|\{\d+(?:,\d*)?\}|.",
    re.DOTALL,
)


@cache
def matcher(pattern: str) -> Callable[[str], bool] | None:
    """Whether a text contains a match of the ECMA `pattern`; None if it cannot be matched so."""
    try:
        validator = SchemaValidator(core_schema.str_schema(pattern="".join(_translated(pattern))))
    except (SchemaError, ValueError):
        return None
    return lambda text: validator.isinstance_python(re.sub("[\ud800-\udfff]", "\ufffd", text))


def _translated(pattern: str) -> Iterator[str]:
    """The pattern in Rust's dialect; raises ValueError for a class that does not end."""
    tokens = iter(_TOKEN.findall(pattern))
    for token in tokens:
        if token in ("[]", "[^]"):
            yield r"[^\s\S]" if token == "[]" else r"[\s\S]"
        elif token in ("[", "[^"):
            yield f"{token}{''.join(_members(tokens))}]"
        elif token == ".":
            yield _DOT
        elif token == "{":  # not a number of repetitions
            yield r"\{"
        elif token in (r"\b", r"\B"):
            yield f"(?-u:{token})"
        elif (members := _MEMBERS.get(token[1:])) and token[0] == "\\":
            yield members if members.startswith("[") else f"[{members}]"
        else:
            yield _escape(token) if token[0] == "\\" else token


def _members(tokens: Iterator[str]) -> Iterator[str]:
    """What stands between the brackets of a class; every sign that Rust would read is escaped."""
    members: list[str] = []
    for token in tokens:
        if token == "]":
            return (yield from _with_ranges(members))
        # "[^]" and the like, as `_TOKEN` reads it, are single signs within a class
        members += [token] if token[0] == "\\" else list(token)
        if token.startswith("[") and token.endswith("]"):
            return (yield from _with_ranges(members[:-1]))
    raise ValueError("the class does not end")


def _with_ranges(members: list[str]) -> Iterator[str]:
    index = 0
    while index < len(members):
        ends = (members[index], *members[index + 2 : index + 3])
        if (
            members[index + 1 : index + 2] == ["-"]
            and len(ends) == 2
            and not any(end[0] == "\\" and (end[1:] in _MEMBERS or end[1] in "pP") for end in ends)
        ):
            yield "-".join(_member(end) for end in ends)
            index += 3
        else:
            yield _member(members[index])
            index += 1


def _member(token: str) -> str:
    if token[0] != "\\":
        return f"\\{token}" if token in "[]^&~-" else token
    return r"\x08" if token == r"\b" else _MEMBERS.get(token[1:]) or _escape(token)


def _escape(token: str) -> str:
    if token == "\\":
        raise ValueError("the pattern ends with a backslash")
    if token in (r"\<", r"\>", r"\0"):  # the first two are boundaries of words in Rust
        return token[1] if token != r"\0" else r"\x00"
    if token[1] == "c" and len(token) == 3:
        return rf"\x{ord(token[2]) % 32:02X}"
    if token[1] == "u" and len(token) == 12:
        pair = bytes.fromhex(token[2:6] + token[8:])
        return rf"\x{{{ord(pair.decode('utf-16-be')):X}}}"
    return token

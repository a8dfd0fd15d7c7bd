"""Parse the call in a model's reply: `name(a=1, b=[2, 3])`.

`ast` turns the text into a name and literal arguments; nothing is ever evaluated. Arguments are
JSON values: numbers (also negative), strings, true/false/none in Python's or JSON's spelling, lists
and string-keyed dicts of these.

Also accepted: prose, fences and tags around exactly one call, a call as JSON, typographic quotes
and signs. Nothing is guessed: an ambiguous reply raises an error that says how to correct it.

Not here: whether the function exists and the arguments fit it (`toolsets.catalog.toolset`).
"""

from __future__ import annotations

import ast
import re
from typing import Any

from toolsets.calls import repair
from toolsets.calls.json_forms import json_call
from toolsets.calls.literal import literal, parse_source, unparseable
from toolsets.calls.model import WrittenCall

LONGEST_CALL = 20_000  # characters

_FENCE = re.compile(r"```[a-zA-Z_]*\s*\n")
_CALL_LINE = re.compile(r"^[A-Za-z_]\w*\(.*\)[.;]?$")
_ANSWER = re.compile(r"(?i)\b(?:answer|result)\s*(?:is|:|=)|\\boxed|^####", re.MULTILINE)
_CALCULATION = ast.BinOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.Lambda
_BARE = re.compile(r"[^\W\d]\w*(?:\s+[^\W\d]\w*\s*=\s*\S+)+")


def parse_call(text: str) -> WrittenCall:
    """Parse the one call in `text`.

    Raises CallError of kind `unparseable_call`, whose message says how to correct the reply.
    """
    if len(text) > LONGEST_CALL:
        raise unparseable(f"The reply is longer than {LONGEST_CALL:,} characters.")
    bare = _unfence(text).strip()
    if not bare:
        raise unparseable("The reply is empty.")
    node = _plain_call(bare) or _plain_call(bare := repair.without_thought(bare))
    if node is None and (parts := json_call(bare)):
        return WrittenCall(*parts)
    return _written_call(node or _call_in_prose(bare))


def is_plain(text: str) -> bool:
    """Whether the call in `text` needs no repair: it is the whole text, or the whole of a line."""
    return len(text) <= LONGEST_CALL and _plain_call(_unfence(text).strip()) is not None


def _plain_call(text: str) -> ast.Call | None:
    """The call that is the whole `text`, or the whole of exactly one of its lines."""
    node = _parse_expression(text)
    if not isinstance(node, ast.Call):
        lines = [line.strip() for line in text.splitlines()]
        calls = [line.rstrip(".;") for line in lines if _CALL_LINE.match(line)]
        node = _parse_expression(calls[0]) if len(calls) == 1 else None
    return node if isinstance(node, ast.Call) else None


def _call_in_prose(text: str) -> ast.Call:
    """The one call in `text`, repaired if it is unambiguous."""
    if '=\\"' in text and '="' not in text:  # escaped as in a JSON string
        text = text.replace('\\"', '"')
    calls = repair.calls_in(text)
    if len(calls) != 1:
        raise unparseable(f"The reply holds {len(calls)} calls." if calls else _why_no_call(text))
    call = calls[0]
    if call.missing:
        raise unparseable(f"The reply is not a call. {repair.unclosed(call)}")
    if isinstance(_parse_expression(text), _CALCULATION) or repair.in_calculation(text, call.text):
        raise unparseable("A call cannot be a part of a calculation; make it alone.")
    node = _parse_expression(call.text) or _parse_expression(repair.as_python(call.text))
    if not isinstance(node, ast.Call):
        raise unparseable(f"The call cannot be read. {repair.problem(call.text)}")
    return node


def _why_no_call(text: str) -> str:
    if _BARE.fullmatch(text):
        return "The reply is not a call. The arguments stand in ( ), with a comma between them."
    if _ANSWER.search(text):
        return "The reply is not a call. The final answer is given by a call, too."
    return "The reply is not a call."


def _written_call(node: ast.Call) -> WrittenCall:
    keywords: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise unparseable("** cannot be used in a call.")
        if keyword.arg in keywords:
            raise unparseable(f"The argument {keyword.arg} is given twice.")
        keywords[keyword.arg] = literal(keyword.value)
    return WrittenCall(_name(node), tuple(literal(value) for value in node.args), keywords)


def _name(node: ast.Call) -> str:
    """The function's name, dotted as in `math.sqrt`."""
    parts: list[str] = []
    function = node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name):
        raise unparseable("The name of the function must be a plain name.")
    return ".".join([function.id, *reversed(parts)])


def _parse_expression(text: str) -> ast.expr | None:
    try:
        return parse_source(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _unfence(text: str) -> str:
    text = text.strip()
    start = _FENCE.match(text)
    if start and text.endswith("```") and len(text) >= start.end() + 3:
        return text[start.end() : -3]
    return text

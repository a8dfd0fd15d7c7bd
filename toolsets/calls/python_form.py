"""A call in Python's form: its text to a name and literal arguments, by `ast`; never evaluated."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import Any

from toolsets.calls import repair
from toolsets.calls.literal import literal, parse_source, unparseable
from toolsets.calls.model import WrittenCall
from toolsets.calls.names import match_name
from toolsets.calls.readings import keep_latex, refuse_two_readings
from toolsets.calls.scan import Found

_FENCE = re.compile(r"```[a-zA-Z_]*\s*\n")
_CALCULATION = ast.BinOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.Lambda
_REPEATED = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
_CONTROL = re.compile(  # the call would run not once, or not at all
    r"(?:^|\n)[ \t]*(?:for \w[^\n]* in|while|if|elif) [^\n]*:(?: *|[ \t]*\n[ \t]+)\Z"
)


def python_call(found: Found, text: str, known: Collection[str] | None) -> WrittenCall:
    """The call found in `text`, repaired if it is unambiguous; raises CallError."""
    return written_call(_node(found, text), found.text, known)


def written_call(node: ast.Call, source: str, known: Collection[str] | None) -> WrittenCall:
    refuse_two_readings(source)
    node = _printed(node, known)
    keywords: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise unparseable("** cannot be used in a call.")
        if keyword.arg in keywords:
            raise unparseable(f"The argument {keyword.arg} is given twice.")
        keywords[keyword.arg] = literal(keyword.value)
    values = tuple(literal(value) for value in node.args)
    return named(WrittenCall(name_of(node), values, keywords), known)


def _printed(node: ast.Call, known: Collection[str] | None) -> ast.Call:
    """The call inside `print(...)`."""
    function, values = node.func, node.args
    if not (isinstance(function, ast.Name) and function.id == "print" and len(values) == 1):
        return node
    inner = values[0]
    known_print = node.keywords or (known is not None and "print" in known)
    return node if known_print or not isinstance(inner, ast.Call) else inner


def named(call: WrittenCall, known: Collection[str] | None) -> WrittenCall:
    """The call with the name of the known function that its name means."""
    if known is None or call.name in known:
        return call
    return WrittenCall(match_name(call.name, known) or call.name, call.positional, call.keywords)


def name_of(node: ast.Call) -> str:
    """The function's name, dotted as in `math.sqrt`."""
    parts: list[str] = []
    function = node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name):
        raise unparseable("The name of the function must be a plain name.")
    return ".".join([function.id, *reversed(parts)])


def call_node(text: str) -> ast.Call | None:
    """The call that `text` is; None also for a call behind another and a full stop."""
    node = parse_expression(text)
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    while isinstance(function, ast.Attribute):
        function = function.value
    joined = isinstance(node.func, ast.Attribute) and not isinstance(function, ast.Name)
    return None if joined else node


def parse_expression(text: str) -> ast.expr | None:
    try:
        return parse_source(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _node(found: Found, text: str) -> ast.Call:
    """The call as Python, repaired if it is unambiguous."""
    if found.missing:
        reason = repair.unclosed(found.text, found.missing)
        raise unparseable(f"The reply is not a call. {reason}")
    before, after = text[: found.start], text[found.end :]
    if isinstance(whole := parse_expression(text), _REPEATED) or _CONTROL.search(before):
        raise unparseable("A call cannot stand in a loop or condition; make it alone.")
    if isinstance(whole, _CALCULATION) or repair.in_calculation(before, after):
        raise unparseable("A call cannot be a part of a calculation; make it alone.")
    call = keep_latex(found.text)
    node = parse_expression(call) or parse_expression(keep_latex(repair.as_python(found.text)))
    if not isinstance(node, ast.Call):
        raise unparseable(f"The call cannot be read. {repair.problem(found.text)}")
    return node


def unfence(text: str) -> str:
    """`text` without the code fence around all of it."""
    text = text.strip()
    start = _FENCE.match(text)
    if start and text.endswith("```") and len(text) >= start.end() + 3:
        return text[start.end() : -3]
    return text

"""Parse the calls in a model's reply: `name(a=1, b=[2, 3])`.

`ast` turns the text into a name and literal arguments; nothing is ever evaluated. Arguments are
JSON values: numbers (also negative), strings, true/false/none in Python's or JSON's spelling, lists
and string-keyed dicts of these.

Also accepted: prose, fences and tags around a call, the forms of `json_forms` and `xml_forms`,
typographic quotes and signs. Nothing is guessed: an ambiguous reply raises an error that says how
to correct it. A thought is never read.

Not here: whether the arguments fit the function (`toolsets.catalog.toolset`).
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Sequence

from toolsets.calls import repair
from toolsets.calls.json_forms import read_calls
from toolsets.calls.literal import unparseable
from toolsets.calls.model import WrittenCall
from toolsets.calls.parts import text_of_parts
from toolsets.calls.python_form import (
    call_node,
    name_of,
    named,
    python_call,
    unfence,
    written_call,
)
from toolsets.calls.readings import keep_latex
from toolsets.calls.scan import Found, scan
from toolsets.errors import CallError, shorten

LONGEST_CALL = 20_000  # characters
MOST_CALLS = 100  # in one reply

_CALL = re.compile(r"[^\W\d][\w.]*+\s*+\(")
_ESCAPED = re.compile(r'[=({\[]\\"')
_QUOTE = re.compile(r'(?<!\\)"')
_ANSWER = re.compile(r"(?i)\b(?:answer|result)\s*(?:is|:|=)|\\boxed|^####", re.MULTILINE)
_BARE = re.compile(r"[^\W\d]\w*(?:\s+[^\W\d]\w*\s*=\s*\S+)+")
_TRANSCRIPT = re.compile(
    r"(?im)^\W*(?:observation|result|output|returns?|tool|function|user|system)s?\b[^\n\w]*[:=>]"
    r"|</?(?:\w+_)?(?:result|response|output)s?>|<\|?(?:tool|ipython|user|observation)\b"
)


def parse_call(text: str, known: Collection[str] | None = None) -> WrittenCall:
    """Parse the one call in `text`; `known` are the names of the functions, if it is a reply.

    Raises CallError of kind `unparseable_call`, whose message says how to correct the reply.
    """
    text, whole = _opened(text, known)
    if whole:
        return whole
    found = _found(text, known)
    if len(found) > 1:
        raise _several([call.name + call.text for call in found])
    calls = _read(found[0], text, known)
    if len(calls) > 1:
        raise _several([f"{call.name}(...)" for call in calls])
    return next(iter(calls))


def parse_calls(text: str, known: Collection[str] | None = None) -> tuple[WrittenCall, ...]:
    """All calls of known functions in `text`, in order, each in any accepted form.

    A call of an unknown function is left out as prose, unless it has the form of a call; names are
    matched by `match_name`. Raises CallError as `parse_call`, also if one of the calls cannot be
    read or there is none.
    """
    text, whole = _opened(text, known)
    if whole:
        return (whole,)
    calls = [call for found in _found(text, known) for call in _read(found, text, known)]
    if len(calls) > MOST_CALLS:
        raise unparseable(f"The reply holds {len(calls)} calls, more than {MOST_CALLS}.")
    return tuple(calls)


def is_plain(text: str, known: Collection[str] | None = None) -> bool:
    """Whether a student may learn `text` as it stands: it needs no repair and invents nothing.

    It is one call in Python's form at its end, alone on its lines, without another call or a result
    before it, also in a thought.
    """
    if len(text) > LONGEST_CALL:
        return False
    bare = unfence(text).strip()
    try:
        if keep_latex(bare) != bare:
            return False
        if (node := call_node(bare)) and "#" not in repair.without_texts(bare):
            return _is_plain_node(node, bare, known)
        return _ends_with_plain_call(bare, known)
    except CallError:
        return False


def _opened(text: str, known: Collection[str] | None) -> tuple[str, WrittenCall | None]:
    """The reply without content parts, and its call if it is nothing else."""
    if len(text) > LONGEST_CALL:
        raise unparseable(f"The reply is longer than {LONGEST_CALL:,} characters.")
    bare = unfence(text).strip()
    if not bare:
        raise unparseable("The reply is empty.")
    latex = keep_latex(bare) if _CALL.match(bare) else bare
    if (node := call_node(latex)) and not ("#" in bare and _call_in_comment(bare)):
        return bare, written_call(node, bare, known)
    return text_of_parts(bare), None


def _found(text: str, known: Collection[str] | None) -> list[Found]:
    """The calls in `text`, at least one."""
    if _ESCAPED.search(text) and not _QUOTE.search(text):  # escaped as in a JSON string
        text = text.replace('\\"', '"')
    scanned = scan(text, known)
    calls = scanned.calls
    sure = [call for call in calls if call.counts]
    python = [call for call in calls if call.form == "python"]
    if not calls and any(scan(thought).calls for thought in map(_untagged, scanned.thoughts)):
        raise unparseable("The call stands in a thought; write it after the thought.")
    if not (found := sure or python or calls):
        raise unparseable(_why_no_call(text))
    return found


def _read(found: Found, text: str, known: Collection[str] | None) -> tuple[WrittenCall, ...]:
    """The calls of one place; more than one if it is JSON that lists them."""
    if found.form == "python":
        return (python_call(found, text, known),)
    if found.tagged:
        calls: Sequence[WrittenCall] = (found.tagged.read(),)
    else:
        calls = read_calls(found.text, found.missing, found.name)
    return tuple(named(call, known) for call in calls)


def _why_no_call(text: str) -> str:
    if _BARE.fullmatch(text):
        return "The reply is not a call. The arguments stand in ( ), with a comma between them."
    if _ANSWER.search(text):
        return "The reply is not a call. The final answer is given by a call, too."
    return "The reply is not a call."


def _untagged(thought: str) -> str:
    """A thought's text without tags of thoughts inside it."""
    return re.sub(r"[<\[\u25c1][/|]?\w+[|]?[>\]\u25b7]", " ", thought)


def _several(texts: Sequence[str]) -> CallError:
    """The error for several calls, which names them."""
    shown = [" ".join(shorten(text, 60).split()) for text in texts[:3]]
    more = ["more"] if len(texts) > 3 else []
    named = " and ".join([", ".join([*shown, *more][:-1]), [*shown, *more][-1]])
    return unparseable(f"The reply holds {len(texts)} calls: {named}. Make only one of them.")


def _call_in_comment(text: str) -> bool:
    """Whether a comment within a call holds a call, too."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return True
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return any(scan(comment).calls for comment in comments)


def _is_plain_node(node: ast.Call, source: str, known: Collection[str] | None) -> bool:
    call = written_call(node, source, known)
    expanded = (
        len(call.positional) == 1 and not call.keywords and isinstance(node.args[0], ast.Dict)
    )
    as_written = isinstance(node.func, ast.Name | ast.Attribute) and name_of(node) == call.name
    return as_written and not expanded and not _is_loose(node)


def _is_loose(node: ast.Call) -> bool:
    """Whether an argument is a ratio, or a dict whose keys have no quotes."""
    return any(
        isinstance(each, ast.BinOp)
        or (isinstance(each, ast.Dict) and any(isinstance(key, ast.Name) for key in each.keys))
        for each in ast.walk(node)
    )


def _ends_with_plain_call(text: str, known: Collection[str] | None) -> bool:
    """Whether `text` is prose without calls or results, then a call on lines of its own."""
    found = scan(text, known)
    thoughts = "\n".join(found.thoughts)
    if len(found.calls) != 1 or (call := found.calls[0]).form != "python" or call.missing:
        return False
    before, after = text[: call.start], text[call.end :]
    line = before.rpartition("\n")[2]
    if line.strip() or after.strip(" \t\n.;`") or scan(_untagged(thoughts)).calls:
        return False
    node = call_node(call.text)
    return bool(node) and not _TRANSCRIPT.search(before) and _is_plain_node(node, call.text, known)

"""Find the calls in a model's reply, in any accepted form, and its thoughts.

One pass from left to right over the places where a call or a thought may begin. What a call holds
is skipped, so that a call written inside a text argument is never found.

Not here: what the found calls mean (`toolsets.calls.parse`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from toolsets.calls import json_forms, repair, xml_forms
from toolsets.calls.literal import unparseable
from toolsets.calls.names import match_name
from toolsets.errors import nearest

MOST_UNCLOSED = 5  # unclosed brackets after unknown names that are skipped; more are refused

_TAGS = "think|thinking|thoughts?|reasoning|reflection|analysis|scratch_?pad|seed:think"
_OPEN = (
    rf"(?i:<(?P<tag>{_TAGS})(?:\s[^<>]*+)?>)|\[THINK\]|\u25c1think\u25b7|<\|START_THINKING\|>"
    r"|<\|begin_of_thought\|>|<\|think(?:ing)?\|>|<\|channel\|>analysis<\|message\|>"
    r"|\A\s*+analysis(?=(?s:.*?)assistant(?:commentary|final))"  # gpt-oss, its special tokens cut
)
_CLOSE = (
    rf"(?i:</(?:{_TAGS})>)|\[/THINK\]|\u25c1/think\u25b7|<\|END_THINKING\|>"
    r"|<\|end_of_thought\|>|<\|/think(?:ing)?\|>"
)
_START = r"(?<!\w)(?<!\w\.)[^\W\d]\w*+(?:\.[^\W\d]\w*+)*+[(\uff08]"
_EVENT = re.compile(
    rf"(?P<open>{_OPEN})|(?P<close>{_CLOSE})|(?P<tagged>{xml_forms.START})"
    rf"|(?P<named>{json_forms.NAMED})|(?P<python>{_START})|(?P<object>{json_forms.OBJECT})"
)
_OBJECT = re.compile(json_forms.OBJECT)
_IN_PROSE = re.compile(r"[^\W\d][\w\s'\u2019.-]*")  # apple(s), f(x): no arguments
_LINE_START = re.compile(r"(?:^|\n)[^\w\n]*(?:[^\W\d]\w*\s*=\s*)?\Z")
_LINE_END = re.compile(r"[^\w\n]*(?:\n|\Z)")
_KEYWORD = re.compile(r"[(,]\s*[^\W\d]\w*\s*=(?!=)")
_DEFINITION = re.compile(r"\bdef\s+\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """A call in a reply: its form, its place, and what is missing at its end, if anything.

    `counts` is False for what may be prose: `f(x, 2)` where f is no known function, or JSON data.
    `name` is the function's name before a JSON object, whose text is then `text` without it.
    """

    form: Literal["python", "json", "tagged"]
    start: int
    end: int
    text: str
    missing: str = ""
    counts: bool = True
    name: str = ""
    tagged: xml_forms.TaggedCall | None = None


@dataclass(slots=True)
class Scan:
    """The calls of a reply outside its thoughts, in order, and the text of its thoughts."""

    calls: list[Found] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)


def scan(text: str, known: Collection[str] | None = None) -> Scan:
    """The calls and thoughts in `text`; raises CallError if a thought is not closed."""
    found, position, unclosed = Scan(), 0, 0
    while event := _EVENT.search(text, position):
        position = event.end()
        if event["open"] is not None:
            position = _end_of_thought(text, event)
            found.thoughts.append(text[event.end() : position])
        elif event["close"] is not None:  # a template may have written the opening tag
            found = Scan(thoughts=[text[:position]])
        elif call := _call(text, event, known):
            if call.missing and not call.counts:
                unclosed += 1
                if unclosed > MOST_UNCLOSED:
                    raise unparseable(f"More than {MOST_UNCLOSED} brackets are not closed.")
            else:
                position = max(position, call.end)
            if call.counts or not call.missing or (call.form == "json" and unclosed == 1):
                found.calls.append(call)
    return found


def _end_of_thought(text: str, opening: re.Match[str]) -> int:
    """The index after the tag that closes the thought."""
    tag = opening.group()
    if opening["tag"]:
        closing = re.compile(f"</{opening['tag']}>", re.IGNORECASE)
    elif tag.startswith("<|channel"):
        closing = re.compile(r"<\|end\|>|<\|return\|>|(?=<\|start\|>|<\|channel\|>)")
    elif tag.lstrip().startswith("analysis"):
        closing = re.compile(r"assistant(?=commentary|final)")
    else:
        closing = re.compile(_CLOSE)
    if end := closing.search(text, opening.end()):
        return end.end()
    shown = closing.pattern if opening["tag"] else "its end"
    raise unparseable(f"The thought after {tag} is not closed: {shown} is missing before the call.")


def _call(text: str, event: re.Match[str], known: Collection[str] | None) -> Found | None:
    """The call that begins with this event; None for prose."""
    start = event.start()
    if event["tagged"] is not None:
        tagged = xml_forms.tagged_call(text, start)
        return Found("tagged", start, tagged.end, text[start : tagged.end], tagged=tagged)
    if event["python"] is not None:
        return _python_call(text, event, known)
    names = (value for key, value in event.groupdict().items() if key[4:].isdigit() and value)
    name = next(names, "")
    if event["named"] is not None and event["named"].startswith(name):
        name = _bare_name(text, start, name, known)
    begin = event.end() if event["named"] is not None else start
    if not name and not _OBJECT.match(text, begin):
        return None
    end, missing = repair.closing(text, begin)
    body = text[begin:end]
    counts = bool(name) or json_forms.is_call(body, known)
    return Found("json", start if name else begin, end, body, missing, counts, name)


def _bare_name(text: str, start: int, name: str, known: Collection[str] | None) -> str:
    """The name if it is a function's and not a word before JSON, else empty."""
    if known is not None:
        return name if match_name(name, known) else ""
    adjacent = text.startswith("{", start + len(name)) and not text[:start].endswith("```")
    return name if adjacent or not text[:start].strip() else ""


def _python_call(text: str, event: re.Match[str], known: Collection[str] | None) -> Found | None:
    start, name = event.start(), event.group()[:-1]
    end, missing = repair.closing(text, event.end() - 1)
    inside = text[event.end() : end if missing else end - 1]
    alone = bool(_LINE_START.search(text[max(0, start - 100) : start])) and not missing
    alone = alone and bool(_LINE_END.match(text, end))
    if _IN_PROSE.fullmatch(inside) and not (alone and known is not None and name in known):
        return None
    call = text[start:end]
    counts = known is None or match_name(name, known) is not None
    if not counts and known is not None and not missing:
        similar = nearest(name, known) is not None
        counts = (alone and (similar or bool(_KEYWORD.search(call)))) or _holds_call(inside, known)
    return Found("python", start, end, call, missing, counts or _defines(text, start))


def _holds_call(inside: str, known: Collection[str]) -> bool:
    """Whether a known function is called inside the brackets of an unknown one."""
    names = re.findall(r"([^\W\d][\w.]*+)[(\uff08]", repair.without_texts(inside))
    return any(match_name(name, known) for name in names)


def _defines(text: str, start: int) -> bool:
    return bool(_DEFINITION.search(text[max(0, start - 20) : start]))

"""Sets, tuples and lists in answers: their brackets and elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

MOST_ELEMENTS = 64
_CLOSING = {"{": "}", "(": ")", "[": "]"}
_HALF_OPEN = {("[", ")"), ("(", "]")}


class Elements(NamedTuple):
    """The elements of a set (`{}`), a tuple (`()`), a list (`[]`), an interval (`[)`), or a text
    with commas (no brackets)."""

    brackets: str
    parts: tuple[str, ...]


def read_elements(text: str) -> Elements | None:
    """The elements of a text, or None if it is not a sequence of at most MOST_ELEMENTS."""
    if text[:1] in _CLOSING and len(text) > 1:
        ends = (text[0], text[-1])
        inside = text[1:-1]
        if ends[1] == _CLOSING[ends[0]] or ends in _HALF_OPEN:
            parts = _split(inside)
            if parts is not None and (len(parts) > 1 or ends[0] != "("):
                return Elements("".join(ends), () if not inside.strip() else parts)
    parts = _split(text)
    return Elements("", parts) if parts is not None and len(parts) > 1 else None


def same_elements(one: Elements, gold: Elements, same: Callable[[str, str], bool]) -> bool:
    """Whether two sequences agree: sets in any order, others in order.

    A text with commas agrees with a set, a tuple or a list of its elements.
    """
    if one.brackets not in (gold.brackets, "") and gold.brackets:
        return False
    if one.brackets and not gold.brackets:
        return False
    if gold.brackets == "{}":
        return _covers(one.parts, gold.parts, same) and _covers(gold.parts, one.parts, same)
    return len(one.parts) == len(gold.parts) and all(map(same, one.parts, gold.parts))


def _covers(parts: Sequence[str], others: Sequence[str], same: Callable[[str, str], bool]) -> bool:
    return all(any(same(part, other) for other in others) for part in parts)


def _split(text: str) -> tuple[str, ...] | None:
    """The parts between commas (or semicolons) outside brackets; None if brackets do not match."""
    separator = ";" if ";" in text else ","
    parts, open_brackets = [""], 0
    for sign in text:
        open_brackets += (sign in "{([") - (sign in "})]")
        if open_brackets < 0 or len(parts) > MOST_ELEMENTS:
            return None
        if sign == separator and not open_brackets:
            parts.append("")
        else:
            parts[-1] += sign
    stripped = tuple(part.strip() for part in parts)
    return None if open_brackets or (len(parts) > 1 and not all(stripped)) else stripped

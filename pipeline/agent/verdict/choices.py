"""Labels and the letters of multiple-choice questions."""

from __future__ import annotations

import re

# FOLIO's releases use both unknown and uncertain
SYNONYMS = {"unknown": "uncertain", "yes": "true", "no": "false"}
LABELS = frozenset(("true", "false", "uncertain"))

_LETTER = re.compile(r"\(?([A-J])[).:]?")
_CHOSEN = re.compile(
    r"(?:(?:the )?(?:correct )?(?:option|choice|answer)(?: is)?:? )?"
    r"(?:\(([A-J])\)|([A-J])(?=$|[).:]))[).:]?(?P<text> .*)?",
    re.IGNORECASE,
)
_ANOTHER = re.compile(r" *(?:or|and|nor|,|/|&)\b.*|.*(?:\([A-J]\)|\b[A-J][).:]).*")


def normalized(text: str) -> str:
    """A text to compare: without case, with one word for each label."""
    words = text.casefold()
    return SYNONYMS.get(words, words)


def letter(text: str) -> str | None:
    """The letter of a gold answer such as B or (B), or None."""
    match = _LETTER.fullmatch(text)
    return match and match[1]


def chosen_letter(text: str) -> str | None:
    """The letter that an answer such as `(B) 12 apples` or `Option B` chooses, or None."""
    match = _CHOSEN.fullmatch(text)
    if match is None or _ANOTHER.fullmatch(match["text"] or ""):
        return None
    return (match[1] or match[2]).upper()

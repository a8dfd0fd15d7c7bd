"""The template of a generated question: its wordings without names, things and numbers."""

from __future__ import annotations

import hashlib
import re

from pipeline.problems.pocket.arithmetic import THINGS
from pipeline.problems.pocket.narration import PEOPLE
from pipeline.problems.pocket.sentences import ADJECTIVES, VERBS

_SLOTS = {
    "PERSON": PEOPLE.split(),
    "THINGS": THINGS.split(),
    "KIND": ADJECTIVES.split(),
    "VERBS": list(VERBS),
    "NUMBER": [r"\d+"],
}
_SLOT = re.compile(
    "|".join(rf"(?P<{name}>\b(?:{'|'.join(words)})\b)" for name, words in _SLOTS.items())
)


def template(question: str) -> str:
    """The question with the name of its slot in place of each name, thing and number."""
    return _SLOT.sub(lambda match: match.lastgroup or "", question)


def template_group(question: str) -> str:
    """The group of all questions of one template."""
    return f"pocket-{hashlib.sha256(template(question).encode()).hexdigest()[:12]}"

"""A problem while it is told: its sentences, what solves it, whether it uses unseen wordings.

Not here: what is told (`arithmetic`, `logic`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

PEOPLE: str = (
    "Ava Ben Cara Dan Ella Finn Gina Hugo Iris Jack Kira Leo Mia Noah Olga Paul Rosa Sam Tara Zoe"
)
UNSEEN_CHANCE = 0.5  # that a sentence of an out-of-distribution story has an unseen wording


class Unfit(Exception):
    """What was drawn does not make a problem (a division with a rest, say): draw again."""


@dataclass
class Narration:
    """The sentences told so far, and the problem's `reference` and `answer`."""

    rng: random.Random
    ood: bool  # told partly in wordings that no training problem has
    strange: bool = False  # whether any sentence has an unseen wording
    sentences: list[str] = field(default_factory=list)
    reference: list[str] = field(default_factory=list)
    answer: str = ""

    @property
    def question(self) -> str:
        """The sentences as one text."""
        return " ".join(self.sentences)

    def say(self, *seen: str, unseen: str = "", **words: object) -> None:
        """Add a sentence in one of the wordings `seen`, or, out of distribution, in `unseen`."""
        if self.ood and unseen and self.rng.random() < UNSEEN_CHANCE:
            self.strange, text = True, unseen
        else:
            text = self.rng.choice(seen)
        self.sentences.append(text.format(**words))

"""A problem under construction: its sentences, reference, answer and use of unseen wordings."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

PEOPLE: str = (
    "Ava Ben Cara Dan Ella Finn Gina Hugo Iris Jack Kira Leo Mia Noah Olga Paul Rosa Sam Tara Zoe"
)
UNSEEN_CHANCE = 0.5  # of an unseen wording, per sentence of an out-of-distribution problem


class Unfit(Exception):
    """The drawn values do not make a problem (e.g. a division with a remainder): draw again."""


@dataclass
class Narration:
    """The sentences so far, and the problem's `reference` and `answer`."""

    rng: random.Random
    ood: bool  # out of distribution: some wordings occur in no training problem
    has_unseen_wording: bool = False
    sentences: list[str] = field(default_factory=list)
    reference: list[str] = field(default_factory=list)
    answer: str = ""

    @property
    def question(self) -> str:
        """The sentences as one text."""
        return " ".join(self.sentences)

    def add_sentence(self, *seen: str, unseen: str = "", **words: object) -> None:
        """Add a sentence in one of the wordings `seen` or, out of distribution, in `unseen`."""
        if self.ood and unseen and self.rng.random() < UNSEEN_CHANCE:
            self.has_unseen_wording, text = True, unseen
        else:
            text = self.rng.choice(seen)
        self.sentences.append(text.format(**words))

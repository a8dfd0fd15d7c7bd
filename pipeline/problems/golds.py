"""Gold answers that verdicts compare as plain text: neither number, label nor expression.

Not here: what a gold is, and the comparison (`pipeline.agent.verdict`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pipeline.agent.verdict import kind
from pipeline.records import Problem

MOST_LABELS = 10  # different texts that may be labels of a data set
LEAST_USES = 5  # of a label, on average
SHOWN, LONGEST = 3, 60  # examples, characters of each


def text_golds(problems: Iterable[Problem]) -> dict[str, Any]:
    """The number of golds that are compared as text, and up to three of them.

    A few texts that repeat, such as entailment and neutral, are labels.
    """
    texts = Counter(p.answer for p in problems if kind(p.answer) == "other")
    different = {" ".join(text.split()).casefold() for text in texts}
    if len(different) <= MOST_LABELS and texts.total() >= LEAST_USES * len(different):
        texts.clear()
    shown = [repr(text[:LONGEST] + "..." * (len(text) > LONGEST)) for text in texts]
    return {"golds_as_text": texts.total(), "golds_as_text_examples": shown[:SHOWN]}

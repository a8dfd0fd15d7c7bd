"""Decontamination: training problems that occur in an evaluation split are not trained on.

A training question is dropped where its words are those of an evaluation question (`exact`), or
where it shares as many words in a row with one (`ngram`), as GPT-3's data were cleaned (13 words,
arXiv 2005.14165 appendix C). Words are lower case without punctuation; numbers are words.

Not here: which problems there are (`pipeline.sources`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pipeline.records import Problem

Overlap = Literal["exact", "ngram"]

_WORD = re.compile(r"\d+(?:[.,]\d+)*|\w+")


def words(text: str) -> tuple[str, ...]:
    """The words of a text, by which two texts are the same."""
    return tuple(_WORD.findall(text.casefold()))


def contaminated(problems: Iterable[Problem], ngram: int) -> dict[str, tuple[Overlap, Problem]]:
    """The training problems that occur in another split, by id: how, and where.

    An evaluation question of fewer words than `ngram` counts whole: a training question that holds
    all its words in a row shares it.
    """
    training, held_out = [], []
    for problem in problems:
        (training if problem.split == "train" else held_out).append(problem)
    exact = {words(problem.question): problem for problem in held_out}
    grams = {
        gram: problem for text, problem in exact.items() for gram in _grams(text, ngram) if gram
    }
    lengths = sorted({len(gram) for gram in grams})
    found: dict[str, tuple[Overlap, Problem]] = {}
    for problem in training:
        text = words(problem.question)
        if text in exact:
            found[problem.problem_id] = "exact", exact[text]
        elif shared := next((g for g in _windows(text, lengths) if g in grams), None):
            found[problem.problem_id] = "ngram", grams[shared]
    return found


def _windows(text: Sequence[str], lengths: Iterable[int]) -> Iterator[tuple[str, ...]]:
    return (gram for length in lengths for gram in _grams(text, length) if len(gram) == length)


def _grams(text: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    """Every `length` words in a row; the whole where there are fewer."""
    for start in range(max(1, len(text) - length + 1)):
        yield tuple(text[start : start + length])

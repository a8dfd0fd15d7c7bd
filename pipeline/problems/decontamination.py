"""Decontamination: training problems that occur in an evaluation split are not trained on.

A training question is dropped where its words are those of an evaluation question (`exact`), or
where it shares as many words in a row with one (`ngram`), as GPT-3's data were cleaned (13 words,
arXiv 2005.14165 appendix C). Words are lower case without punctuation; numbers are words.

Not here: which problems there are (`pipeline.problems.source`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pipeline.records import Problem

Overlap = Literal["exact", "ngram"]
NGRAM = 13  # words, GPT-3's

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
    known = SeenQuestions(ngram, held_out)
    found = {problem.problem_id: known.overlap(problem.question) for problem in training}
    return {problem_id: overlap for problem_id, overlap in found.items() if overlap}


class SeenQuestions:
    """Questions that others must not repeat, by their words and by each `ngram` words in a row."""

    def __init__(self, ngram: int, problems: Iterable[Problem] = ()) -> None:
        self._ngram = ngram
        self._exact: dict[tuple[str, ...], Problem] = {}
        self._grams: dict[tuple[str, ...], Problem] = {}
        self._lengths: set[int] = set()
        for problem in problems:
            self.add(problem)

    def add(self, problem: Problem) -> None:
        """Know one more question."""
        text = words(problem.question)
        self._exact[text] = problem
        for gram in filter(None, _grams(text, self._ngram)):
            self._grams[gram] = problem
            self._lengths.add(len(gram))

    def overlap(self, question: str) -> tuple[Overlap, Problem] | None:
        """How `question` repeats one that is known, and which; None where it does not."""
        text = words(question)
        if text in self._exact:
            return "exact", self._exact[text]
        windows = _windows(text, sorted(self._lengths))
        shared = next((gram for gram in windows if gram in self._grams), None)
        return None if shared is None else ("ngram", self._grams[shared])


def overlap_reason(how: Overlap, other: Problem) -> str:
    """Of a question, that it repeats that of `other`, in words."""
    shares = "has the words of" if how == "exact" else "shares words in a row with"
    return f"the question {shares} {other.problem_id} of split {other.split}"


def _windows(text: Sequence[str], lengths: Iterable[int]) -> Iterator[tuple[str, ...]]:
    return (gram for length in lengths for gram in _grams(text, length) if len(gram) == length)


def _grams(text: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    """Every `length` words in a row; the whole where there are fewer."""
    for start in range(max(1, len(text) - length + 1)):
        yield tuple(text[start : start + length])

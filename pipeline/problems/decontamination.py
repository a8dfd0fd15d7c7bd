"""Decontamination: find training problems that occur in an evaluation split.

A training question is contaminated if it has the same words as an evaluation question (`exact`) or
shares an n-gram of words with one (`ngram`; GPT-3 used 13 words, arXiv 2005.14165 appendix C).
Words are lower case without punctuation; numbers are words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pipeline.records import Problem

Overlap = Literal["exact", "ngram"]
NGRAM = 13  # words, as for GPT-3

_WORD = re.compile(r"\d+(?:[.,]\d+)*|\w+")


def words(text: str) -> tuple[str, ...]:
    """Normalised words; two texts with equal words count as the same question."""
    return tuple(_WORD.findall(text.casefold()))


def contaminated(problems: Iterable[Problem], ngram: int) -> dict[str, tuple[Overlap, Problem]]:
    """Map the id of each contaminated training problem to the overlap and the evaluation problem.

    An evaluation question of fewer than `ngram` words is one n-gram: it matches training questions
    that contain all its words consecutively.
    """
    training, held_out = [], []
    for problem in problems:
        (training if problem.split == "train" else held_out).append(problem)
    seen = SeenQuestions(ngram, held_out)
    overlaps = {problem.problem_id: seen.overlap(problem.question) for problem in training}
    return {problem_id: overlap for problem_id, overlap in overlaps.items() if overlap}


class SeenQuestions:
    """Index of questions by their words and by their n-grams of `ngram` words."""

    def __init__(self, ngram: int, problems: Iterable[Problem] = ()) -> None:
        self._ngram = ngram
        self._exact: dict[tuple[str, ...], Problem] = {}
        self._grams: dict[tuple[str, ...], Problem] = {}
        self._lengths: set[int] = set()
        for problem in problems:
            self.add(problem)

    def add(self, problem: Problem) -> None:
        """Add a question to the index."""
        text = words(problem.question)
        self._exact[text] = problem
        for gram in filter(None, _grams(text, self._ngram)):
            self._grams[gram] = problem
            self._lengths.add(len(gram))

    def overlap(self, question: str) -> tuple[Overlap, Problem] | None:
        """How `question` overlaps with an indexed one, and that problem; None without overlap."""
        text = words(question)
        if text in self._exact:
            return "exact", self._exact[text]
        windows = _windows(text, sorted(self._lengths))
        shared = next((gram for gram in windows if gram in self._grams), None)
        return None if shared is None else ("ngram", self._grams[shared])


def overlap_reason(how: Overlap, other: Problem) -> str:
    """Message: the question overlaps with that of `other`."""
    overlaps = "has the same words as" if how == "exact" else "shares consecutive words with"
    return f"the question {overlaps} {other.problem_id} of split {other.split}"


def _windows(text: Sequence[str], lengths: Iterable[int]) -> Iterator[tuple[str, ...]]:
    return (gram for length in lengths for gram in _grams(text, length) if len(gram) == length)


def _grams(text: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    """All n-grams of `length` words; a shorter text is one n-gram."""
    for start in range(max(1, len(text) - length + 1)):
        yield tuple(text[start : start + length])

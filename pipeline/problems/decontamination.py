"""Decontamination: find training problems that occur in an evaluation split.

A training question is contaminated if it has the same words as an evaluation question (`exact`) or
shares an n-gram of words with one (`ngram`; GPT-3 used 13 words, arXiv 2005.14165 appendix C).
Words are lower case without punctuation. Numbers are words, and so are operators (`3 + 4` is not
`3 * 4`) and each character of a script without spaces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import regex

from pipeline.records import Problem

Overlap = Literal["exact", "ngram"]
NGRAM = 13  # words, as for GPT-3

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
_LETTER = rf"(?:(?!{_UNSPACED})[\w\p{{M}}\p{{No}}])"
_NUMBER = r"\d+(?:[.,]\d+)*|(?<![\w.])\.\d+"
# What an operator stands between: a number, a bracket, a variable of one letter, a function's name.
_LEFT = r"(?<=[\d)\]}%!]|(?<![\p{L}\p{M}])\p{L}|[²³])\s*"
_RIGHT = r"(?=\s*(?:[-+√¬~]\s*)*(?:\.?\d|[(\[{$€£¥√\\]|\p{L}(?![\p{L}\p{M}])|\w+\())"
_OPERATOR = "|".join(
    (
        r"[\p{Sm}--[|~]]",  # mathematical symbols: + = < > ∧ → ∀
        rf"{_LEFT}\K(?:\*\*|//|&&|\|\||[-*/^&|~])\s*{_RIGHT}",
        r"(?<=\w )(?:\*\*?|//?|\^)(?= [\w(])",  # 3 apples * 4, not a list's bullet
        r"(?<![\w)\]}])[-~](?=[\d.(√]|\p{L}(?![\p{L}\p{M}]))",  # a sign
        r"(?<=[\d)])\s?%",
        r"(?<=[\d)])!(?=\s*[-+*/^=)?])",  # a factorial
    )
)
_WORD = regex.compile(rf"{_NUMBER}|{_OPERATOR}|{_UNSPACED}\p{{M}}*|{_LETTER}+", regex.V1)
_ANY = regex.compile(rf"{_UNSPACED}\p{{M}}*|{_LETTER}+|[^\w\s]", regex.V1)
_SAME = str.maketrans("−–∗×·⋅÷", "--****/")  # noqa: RUF001  # one operator, several signs


def words(text: str) -> tuple[str, ...]:
    """Normalised words; two texts with equal words count as the same question."""
    plain = unicodedata.normalize("NFC", text).translate(_SAME).casefold()
    return tuple("".join(word.split()) for word in _WORD.findall(plain))


def words_and_signs(text: str) -> list[str]:
    """Words, and each punctuation mark and symbol, as they are: for texts with code."""
    return _ANY.findall(unicodedata.normalize("NFC", text))


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

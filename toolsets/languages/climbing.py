"""Scanning and precedence climbing (M. Richards, BCPL), shared by the parsers of both languages.

Not here: the tokens, operators and nodes of a language (`expression`, `formula`).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")  # a token
N = TypeVar("N")  # a node of the tree


def scan(
    text: str, pattern: re.Pattern[str], unknown: Callable[[str, int], Exception]
) -> Iterator[re.Match[str]]:
    """The tokens that make up `text`, as matches of `pattern`; white space separates them.

    Raises `unknown(character, column)` where none matches; columns count from 1.
    """
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif match := pattern.match(text, position):
            yield match
            position = match.end()
        else:
            raise unknown(text[position], position + 1)


class Climber(ABC, Generic[T, N]):
    """Reads tokens, of which the last one marks the end, into a tree.

    A language says what an operand is, how tight the next operator binds, and what it makes.
    """

    def __init__(self, tokens: Sequence[T], deepest: int) -> None:
        self._tokens, self._deepest = tokens, deepest
        self._position = self._level = 0

    @property
    def token(self) -> T:
        """The next token."""
        return self._tokens[self._position]

    def take(self) -> T:
        """The next token, which is passed; the end is never passed."""
        token = self.token
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def climb(self, loosest: int) -> N:
        """The longest part that operators binding tighter than `loosest` hold together."""
        level = self._level
        self.descend()
        left = self.operand()
        while self.binding() > loosest:
            left = self.operation(left)
        self._level = level
        return left

    def descend(self) -> None:
        """Go one level deeper; raises `too_deep` below the deepest."""
        self._level += 1
        if self._level > self._deepest:
            raise self.too_deep()

    @abstractmethod
    def operand(self) -> N:
        """Read an operand, with what stands before it."""

    @abstractmethod
    def binding(self) -> int:
        """How tight the next token binds as an operator; 0 where it is none."""

    @abstractmethod
    def operation(self, left: N) -> N:
        """Read the operator that comes next, and what it makes of `left`."""

    @abstractmethod
    def too_deep(self) -> Exception:
        """The error for what is nested too deep."""

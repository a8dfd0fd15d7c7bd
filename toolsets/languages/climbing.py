"""Scanner and precedence climbing parser (M. Richards, BCPL), shared by both languages."""

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
    """Yield the tokens of `text` as matches of `pattern`, skipping white space.

    Raises `unknown(character, column)` where `pattern` does not match; columns count from 1.
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
    """Precedence climbing parser from tokens to a tree; the last token marks the end.

    A subclass reads operands and operators and defines how tightly each operator binds.
    """

    def __init__(self, tokens: Sequence[T], deepest: int) -> None:
        self._tokens, self._deepest = tokens, deepest
        self._position = self._level = 0

    @property
    def token(self) -> T:
        """The next token."""
        return self._tokens[self._position]

    def take(self) -> T:
        """Return the next token and move past it; the end token is never passed."""
        token = self.token
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def climb(self, loosest: int) -> N:
        """Parse the longest operand built with operators that bind tighter than `loosest`."""
        level = self._level
        self.descend()
        left = self.operand()
        while self.binding() > loosest:
            left = self.operation(left)
        self._level = level
        return left

    def descend(self) -> None:
        """Go one nesting level deeper; raises `too_deep` beyond the limit."""
        self._level += 1
        if self._level > self._deepest:
            raise self.too_deep()

    @abstractmethod
    def operand(self) -> N:
        """Read an operand with its prefix operators."""

    @abstractmethod
    def binding(self) -> int:
        """Binding strength of the next token as an operator; 0 if it is not one."""

    @abstractmethod
    def operation(self, left: N) -> N:
        """Read the next operator and its right operand; return its node with `left` as operand."""

    @abstractmethod
    def too_deep(self) -> Exception:
        """The error for text nested too deeply."""

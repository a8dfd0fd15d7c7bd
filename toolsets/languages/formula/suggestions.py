"""Suggestions for a formula that a model wrote and that cannot be read.

A suggestion keeps the meaning: a sign within a name becomes _, the words of a constant become one
name, the scope of a quantifier extends to its variables, one missing parenthesis is closed where
all places give the same formula. Only the last is also a repair (`close`); nothing else is guessed.

Not here: repairs of data files (`toolsets.languages.formula.lenient`).
"""

from __future__ import annotations

import re

from toolsets.languages.formula.checks import check_numbers
from toolsets.languages.formula.parser import body_starts, parse, read
from toolsets.languages.formula.repairs import repair_names
from toolsets.languages.formula.syntax import Formula, render
from toolsets.languages.formula.tokens import (
    CLOSING,
    MEANING,
    FormulaError,
    Token,
    tokenize,
)

LONGEST_SUGGESTED = 1_000  # characters
LONGEST_TO_CLOSE = 200  # tokens; each place of the missing parenthesis is parsed
_SEVERAL = r"[^\W\d]\w*(?: \w+)+(?=\s*[,)])"
_WORDS = re.compile(rf"(?<=\w\(){_SEVERAL}|(?<=,)\s*{_SEVERAL}")  # among arguments


def suggest(text: str) -> Formula | None:
    """The formula that was probably meant, to be confirmed by the model; None if unknown."""
    if len(text) > LONGEST_SUGGESTED:
        return None
    mended = _WORDS.sub(_one_name, repair_names(text, []))
    for reading in (close, _parse_or_none, _widen):
        if (formula := reading(mended)) is not None:
            return formula
    return None


def close(text: str) -> Formula | None:
    """The formula with the one ) that is missing; None unless all its places give the same one."""
    try:
        tokens = tokenize(text)
    except FormulaError:
        return None
    opened = _unclosed(tokens)
    if opened is None or len(tokens) > LONGEST_TO_CLOSE:
        return None
    end = Token(")", CLOSING[tokens[opened].text], tokens[-1].column)
    at_end = _parse_or_none(f"{text.partition(':::')[0].rstrip('. ')}{end.text}")
    places = [n for n in range(opened + 2, len(tokens) - 1) if _ends_operand(tokens[n - 1])]
    others = (_closed_at(tokens, end, place) for place in places)
    return at_end if all(other in (None, at_end) for other in others) else None


def _unclosed(tokens: list[Token]) -> int | None:
    """The index of the only ( that is not closed; None if there is not exactly one."""
    opened: list[int] = []
    for place, token in enumerate(tokens):
        if token.sign == "(":
            opened.append(place)
        elif token.sign == ")" and (not opened or token.text != CLOSING[tokens[opened.pop()].text]):
            return None
    return opened[0] if len(opened) == 1 else None


def _ends_operand(token: Token) -> bool:
    return token.is_name or token.sign in (")", "⊤", "⊥")


def _closed_at(tokens: list[Token], end: Token, place: int) -> Formula | None:
    try:
        return read([*tokens[:place], end, *tokens[place:]])
    except FormulaError:
        return None


def _parse_or_none(text: str) -> Formula | None:
    try:
        return parse(text)
    except FormulaError:
        return None


def _widen(text: str) -> Formula | None:
    """The formula in which the scope of each quantifier extends to the end."""
    try:
        check_numbers(text)
        tokens = tokenize(text)
        starts = body_starts(tokens)
        dot = Token(".", ".", 0)
        parts = [[dot, token] if place in starts else [token] for place, token in enumerate(tokens)]
        return parse(render(read([token for part in parts for token in part])))
    except FormulaError:
        return None


def _one_name(match: re.Match[str]) -> str:
    words = match.group().split()
    return match.group() if any(word in MEANING for word in words) else "_".join(words)

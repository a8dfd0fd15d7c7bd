"""Tokenizer for expressions in the spellings that models use; numbers are exact."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from toolsets.errors import LimitExceeded
from toolsets.languages.climbing import scan
from toolsets.languages.expression.tree import Constant

LONGEST_TEXT = 4_000  # characters
MOST_TOKENS = 1_500
LONGEST_NUMBER = 1_000  # digits

NUMBER, SUPERSCRIPT, NAME = "number", "superscript", "name"
QUOTED, SIGN, END = "quoted", "sign", "end"

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "↔": ("<->", "<=>", "⇔", "iff"),
    "→": ("->", "=>", "⇒", "implies"),
    "or": ("||", "\u2228"),
    "xor": ("⊕",),
    "and": ("&&", "&", "∧"),
    "not": ("~", "¬"),
    "=": ("==",),
    "≠": ("!=", "<>"),
    "≤": ("<=", "⩽"),
    "≥": (">=", "⩾"),
    "in": ("∈",),
    "-": ("\u2212", "\u2013"),  # the minus sign, the en dash
    "*": ("\u00d7", "·", "⋅", "∙"),
    "/": ("÷", "\u2044"),
    "**": ("^",),
    "%": ("mod",),
    ",": (";",),
    **dict.fromkeys(("if", "else", "//", "+", "<", ">", "!", "°", "√", *"()[]{}|"), ()),
}
_MEANING = {text: sign for sign, texts in _SPELLINGS.items() for text in (sign, *texts)}
_SIGNS = sorted((text for text in _MEANING if not text.isalpha()), key=len, reverse=True)
_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TOKEN = re.compile(
    rf"(?P<{NUMBER}>([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+(?![\w.]))?)"
    rf"|(?P<{SUPERSCRIPT}>⁻?[⁰¹²³⁴-⁹]+)"
    rf"|(?P<{NAME}>∞|[^\W\d⁰¹²³⁴-⁹][^\W⁰¹²³⁴-⁹]*)"
    rf"|(?P<{QUOTED}>'[^'\"]{{1,60}}'|\"[^'\"]{{1,60}}\")"
    rf"|(?P<{SIGN}>{'|'.join(map(re.escape, _SIGNS))})"
)
_FUNCTION = re.compile(r"\s*\(")


class ExpressionError(ValueError):
    """A text is not an expression; the message names the column, counted from 1."""


class ExpressionTooLarge(LimitExceeded):
    """A text exceeds a limit on length, nesting or digits."""


class Token(NamedTuple):
    kind: str
    text: str  # as written; a sign in its canonical spelling
    column: int

    @property
    def described(self) -> str:
        """The token as error messages quote it."""
        return "the end" if self.kind == END else repr(self.text)


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, ending with an END token."""
    if len(text) > LONGEST_TEXT:
        raise ExpressionTooLarge(f"the text is longer than {LONGEST_TEXT:,} characters")
    tokens = [_token(match, text) for match in scan(text, _TOKEN, _unknown_character)]
    if len(tokens) > MOST_TOKENS:
        raise ExpressionTooLarge(f"the text has more than {MOST_TOKENS:,} parts")
    return [*tokens, Token(END, "", len(text) + 1)]


def exact_number(text: str) -> Constant:
    """The exact number in digits, with a decimal point or an exponent: 0.1 is one tenth."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, decimals = mantissa.partition(".")
    if len(exponent) > 5 or len(mantissa) + abs(int(exponent or 0)) > LONGEST_NUMBER:
        raise ExpressionTooLarge(f"a number has more than {LONGEST_NUMBER:,} digits")
    return Constant(int(whole + decimals) * Fraction(10) ** (int(exponent or 0) - len(decimals)))


def superscript(text: str) -> Constant:
    """The whole number in superscript digits."""
    digits = text.translate(_DIGITS)
    if digits.startswith("-"):
        return Constant(-exact_number(digits[1:]).value)
    return exact_number(digits)


def _unknown_character(character: str, column: int) -> ExpressionError:
    return ExpressionError(f"column {column}: {character!r} has no meaning here")


def _token(match: re.Match[str], text: str) -> Token:
    kind, written = str(match.lastgroup), match.group()
    word = written.lower()
    is_function = word == "mod" and _FUNCTION.match(text, match.end())
    if kind == NAME and word in _MEANING and not is_function:
        kind = SIGN
    return Token(kind, _MEANING[word] if kind == SIGN else written, match.start() + 1)

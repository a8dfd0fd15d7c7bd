"""Tokenizer for expressions in the spellings that models use; numbers are exact."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from toolsets.errors import LimitExceeded
from toolsets.languages.climbing import scan
from toolsets.languages.decimals import recover
from toolsets.languages.expression.tree import Constant

LONGEST_TEXT = 4_000  # characters
MOST_TOKENS = 1_500
LONGEST_NUMBER = 1_000  # digits

NUMBER, GROUPED, SUPERSCRIPT, NAME = "number", "grouped", "superscript", "name"
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
    **dict.fromkeys(
        ("if", "then", "else", "of", "percent", "//", "+", "<", ">", "!", "°", "√", *"()[]{}|"), ()
    ),
}
_MEANING = {text: sign for sign, texts in _SPELLINGS.items() for text in (sign, *texts)}
_SIGNS = sorted((text for text in _MEANING if not text.isalpha()), key=len, reverse=True)
_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TOKEN = re.compile(
    rf"(?P<{GROUPED}>[0-9]{{1,3}}(?:,[0-9]{{3}})+(?![0-9])(?:\.[0-9]+)?)"
    rf"|(?P<{NUMBER}>([0-9]+(?:_[0-9]{{3}})*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+(?![\w.]))?)"
    rf"|(?P<{SUPERSCRIPT}>⁻?[⁰¹²³⁴-⁹]+)"
    rf"|(?P<{NAME}>∞|[^\W\d⁰¹²³⁴-⁹][^\W⁰¹²³⁴-⁹]*)"
    rf"|(?P<{QUOTED}>'[^'\"]{{1,60}}'|\"[^'\"]{{1,60}}\")"
    rf"|(?P<{SIGN}>{'|'.join(map(re.escape, _SIGNS))})"
)
_FUNCTION = re.compile(r"\s*\(")
_HINTS = {
    **dict.fromkeys("$€£¥", "; leave the sign of the currency out"),
    **dict.fromkeys("≈≃≅", "; write the number alone"),
    "±": "; write the case with + and the case with - apart",
    "?": "; write a name such as x for the unknown",
    ":": "; for a ratio write /",
    "\\": "; write it without LaTeX",
    ".": "; write * for a product",
}


class ExpressionError(ValueError):
    """A text is not an expression; the message names the column, counted from 1."""


class ExpressionTooLarge(LimitExceeded):
    """A text exceeds a limit on length, nesting or digits."""


class Token(NamedTuple):
    kind: str
    text: str  # as written; a sign in its canonical spelling
    column: int
    written: str = ""
    before: str = ""  # the white space before it

    @property
    def described(self) -> str:
        """The token as error messages quote it."""
        return "the end" if self.kind == END else repr(self.text)


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, ending with an END token; `notation` resolves the ambiguous ones."""
    if len(text) > LONGEST_TEXT:
        raise ExpressionTooLarge(f"the text is longer than {LONGEST_TEXT:,} characters")
    tokens, end = [], 0
    for match in scan(text, _TOKEN, _unknown_character):
        tokens.append(_token(match, text, end))
        end = match.end()
    if len(tokens) > MOST_TOKENS:
        raise ExpressionTooLarge(f"the text has more than {MOST_TOKENS:,} parts")
    return [*tokens, Token(END, "", len(text) + 1, "", text[end:] or " ")]


def exact_number(text: str) -> Constant:
    """The exact number in digits, with a decimal point or an exponent: 0.1 is one tenth.

    A rounded decimal such as 2.66666666666667 is 8/3 (`toolsets.languages.decimals`).
    """
    digits = text.lower().replace("_", "")
    mantissa, _, exponent = digits.partition("e")
    if len(exponent) > 5 or len(mantissa) + abs(int(exponent or 0)) > LONGEST_NUMBER:
        raise ExpressionTooLarge(f"a number has more than {LONGEST_NUMBER:,} digits")
    return Constant(recover(Decimal(digits)))


def superscript(text: str) -> Constant:
    """The whole number in superscript digits."""
    digits = text.translate(_DIGITS)
    if digits.startswith("-"):
        return Constant(-exact_number(digits[1:]).value)
    return exact_number(digits)


def _unknown_character(character: str, column: int) -> ExpressionError:
    hint = _HINTS.get(character, "")
    return ExpressionError(f"column {column}: {character!r} has no meaning here{hint}")


def _token(match: re.Match[str], text: str, end: int) -> Token:
    """The token of a match; `end` is where the token before it ends."""
    kind, written = str(match.lastgroup), match.group()
    word = written.lower()
    is_function = word == "mod" and _FUNCTION.match(text, match.end())
    if kind == NAME and word in _MEANING and not is_function:
        kind = SIGN
    meaning = _MEANING[word] if kind == SIGN else written
    return Token(kind, meaning, match.start() + 1, written, text[end : match.start()])

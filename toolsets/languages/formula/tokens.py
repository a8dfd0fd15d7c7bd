r"""The signs and words of formulas, and the scanner that turns a text into tokens.

Every spelling has one meaning. Read are FOLIO's signs, ASCII, and what Prover9, NLTK, Logic-LM,
SymPy, Z3 and LaTeX write: `-P`, `all x`, `==>`, `Implies`, `\forall`, `"tom"`; square, curly and
full-width brackets; a full stop at the end; a comment after `:::`. A sign that could mean two
things is an error: `^` is "and" or "xor", `|-` is "or not" or "entails".

Not here: the grammar (`toolsets.languages.formula.parser`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from toolsets.errors import LimitExceeded
from toolsets.languages.climbing import scan

LONGEST_FORMULA = 10_000  # characters
DEEPEST_FORMULA = 100  # nodes on the path from the root to a term; also nested parentheses

QUANTIFIERS = ("∀", "∃")
DASHES = ("-", "\u2212")  # ¬ before a formula, an error elsewhere
CLOSING = {"(": ")", "[": "]", "{": "}", "\uff08": "\uff09"}
_COMMENT = ":::"  # as in Logic-LM: `Cat(tom) ::: Tom is a cat.`

_SIGNS: dict[str, tuple[str, ...]] = {
    "∀": (),
    "∃": (),
    "↔": ("<->", "<=>", "<-->", "<==>", "⇔", "⟷", "⟺", "≡"),
    "→": ("->", "=>", "-->", "==>", "⇒", "⟶", "⟹", "⊃"),
    "←": ("<-", "⇐", "⟵", "⟸"),
    "⊕": ("⊻",),
    "∨": ("||", "|", "\\/"),
    "∧": ("&&", "&", "/\\"),
    "¬": ("~", "!", "\u223c"),
    "=": ("==",),
    "≠": ("!=",),
    "⊤": ("$T",),
    "⊥": ("$F",),
    "(": ("[", "{", "\uff08"),
    ")": ("]", "}", "\uff09"),
    ",": ("\uff0c",),
    ".": ("。",),
    ":": ("\uff1a",),
}
_LATEX = {
    **{"\\forall": "∀", "\\exists": "∃", "\\lnot": "¬", "\\neg": "¬", "\\neq": "≠"},
    **{"\\land": "∧", "\\wedge": "∧", "\\lor": "∨", "\\vee": "∨", "\\oplus": "⊕"},
    **dict.fromkeys(("\\to", "\\rightarrow", "\\Rightarrow", "\\implies"), "→"),
    **dict.fromkeys(("\\leftrightarrow", "\\Leftrightarrow", "\\iff"), "↔"),
    **{"\\top": "⊤", "\\bot": "⊥"},
}
_WORDS: dict[str, tuple[str, ...]] = {
    "∀": ("forall", "ForAll", "forAll"),
    "∃": ("exists",),
    "↔": ("iff",),
    "→": ("implies",),
    "⊕": ("xor",),
    "∨": ("or",),
    "∧": ("and",),
    "¬": ("not",),
    "⊤": ("true",),
    "⊥": ("false",),
}
DETERMINERS = {"all": "∀", "every": "∀", "each": "∀", "some": "∃", "exist": "∃"}  # before a name
_UNCLEAR = {  # signs with two readings
    "|-": "it may mean ∨ ¬ (or not) or ⊢ (entails); write | - with a space for or not",
    "<--": "it may mean ← or ← ¬; write <- with spaces around it",
    ">>": "it binds tighter than & in Python; write -> for implies",
    "<<": "it binds tighter than & in Python; write <- for implied by",
}

MEANING = {
    **{text: sign for sign, texts in _SIGNS.items() for text in (sign, *texts)},
    **_LATEX,
    **{
        text: sign
        for sign, words in _WORDS.items()
        for word in words
        for text in (word, word.capitalize(), word.upper())
    },
}
_WRITTEN = sorted((*(t for t in MEANING if not t.isalpha()), *_UNCLEAR, *DASHES), key=len)[::-1]
_SIGN = "|".join(re.escape(t) + r"(?![A-Za-z])" * t[-1].isalpha() for t in _WRITTEN)
_QUOTED = r"(?<!\w)(?:'\w+'|\"\w+\"|\u2018\w+’|“\w+”)(?!\w)"
_TOKEN = re.compile(rf"\d+\.\d+|\w+|{_QUOTED}|{_SIGN}")
_NUMBER = re.compile(r"\d[\d.]*")
_GLUED = re.compile(r"(?i:forall|exists)[a-z]")  # a quantifier and its variable
_SUBSCRIPTS = frozenset("₀₁₂₃₄₅₆₇₈₉")

_ORDER = "an order is written as a predicate, such as Greater(a, b)"
_ARITHMETIC = "there is no arithmetic in a formula; name the value, such as Sum(a, b)"
_QUOTES = "write a constant as one name, such as new_york"
_HINTS = {
    "^": "write ∧ (and) or ⊕ (xor)",
    "⊢": "write one formula here; the conclusion is an argument of its own",
    "∈": "write x ∈ S as S(x)",
    "∉": "write x ∉ S as ¬S(x)",
    "\u2013": "write ¬ (not), → (implies), or _ within a name",
    "—": "write ¬ (not), → (implies), or _ within a name",
    ";": "write one formula here",
    "∄": "write ¬∃",
    **dict.fromkeys("<>≤≥", _ORDER),
    **dict.fromkeys("+*/%\u00d7÷", _ARITHMETIC),
    **dict.fromkeys("'\"`’\u2018“”", _QUOTES),
}
_TOKEN_HINTS = {"v": "; write ∨ for or", ",": "; write ∧, or one formula at a time"}


class FormulaError(ValueError):
    """A text is not a formula; `column` counts characters from 1."""

    def __init__(self, reason: str, column: int) -> None:
        super().__init__(f"column {column}: {reason}")
        self.reason, self.column = reason, column

    def __reduce__(self) -> tuple[type[FormulaError], tuple[str, int]]:
        return type(self), (self.reason, self.column)


class FormulaTooLarge(FormulaError, LimitExceeded):
    """A formula exceeds the limit on length or nesting."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a formula: `sign` is its canonical spelling, for a name the name itself."""

    sign: str
    text: str
    column: int

    @property
    def is_name(self) -> bool:
        return self.sign[:1].isalnum() or self.sign[:1] == "_"

    @property
    def is_number(self) -> bool:
        return _NUMBER.fullmatch(self.sign) is not None

    @property
    def is_quoted(self) -> bool:
        return self.is_name and self.sign != self.text

    @property
    def is_word(self) -> bool:
        """Whether a connective is written as a word, such as And."""
        return self.text.isalpha() and not self.is_name


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, ending with an empty one; raises FormulaError for other characters."""
    if len(text) > LONGEST_FORMULA:
        raise FormulaTooLarge(f"longer than {LONGEST_FORMULA:,} characters", LONGEST_FORMULA + 1)
    text = unicodedata.normalize("NFC", text).partition(_COMMENT)[0]
    tokens = [_token(match) for match in scan(text, _TOKEN, _unknown_character)]
    if tokens and tokens[-1].sign == ".":
        tokens.pop()
    return _read_determiners([*tokens, Token("", "", len(text) + 1)])


def unexpected(expected: str, token: Token) -> FormulaError:
    """The error for `token` where something else is expected."""
    if token.text in DASHES:
        choice = "write _ within a name, ¬ before a formula, minus_3 for a negative number"
        return FormulaError(f"{token.text!r} is not allowed here; {choice}", token.column)
    if token.text in _UNCLEAR:
        return FormulaError(f"{token.text!r} is not clear: {_UNCLEAR[token.text]}", token.column)
    hint = _TOKEN_HINTS.get(token.text, "")
    return FormulaError(f"expected {expected}, got {token.text or 'the end'}{hint}", token.column)


def _unknown_character(character: str, column: int) -> FormulaError:
    hint = f"; {_HINTS[character]}" if character in _HINTS else ""
    return FormulaError(f"{character!r} is not allowed in a formula{hint}", column)


def _token(match: re.Match[str]) -> Token:
    written, column = match.group(), match.start() + 1
    if _GLUED.fullmatch(written):
        reason = f"{written!r} is not clear; write {written[:-1]} {written[-1]}"
        raise FormulaError(reason, column)
    if not written.isascii():
        for place, character in enumerate(written):
            if unicodedata.category(character) == "No" and character not in _SUBSCRIPTS:
                reason = f"{character!r} is not allowed in a formula; {_ARITHMETIC}"
                raise FormulaError(reason, column + place)  # x² would be a name of its own
    quoted = written[0] in "'\"\u2018“"
    name = written[1:-1] if quoted else written
    if quoted and name in MEANING:
        raise FormulaError(f"{name} is a word of the language; choose another name", column)
    return Token(MEANING.get(written, name), written, column)


def _read_determiners(tokens: list[Token]) -> list[Token]:
    """Read `all x`, `for all x`, `some x` and `there exists x` as quantifiers."""
    read: list[Token] = []
    for token, after in zip(tokens, [*tokens[1:], tokens[-1]], strict=True):
        sign = DETERMINERS.get(token.text.casefold())
        if sign and after.is_name:
            token = Token(sign, token.text, token.column)
        opening = {"for": "∀", "there": "∃"}.get(read[-1].text.casefold()) if read else None
        if token.sign == opening and token.text.isalpha():
            opener = read.pop()
            token = Token(token.sign, f"{opener.text} {token.text}", opener.column)
        read.append(token)
    return read

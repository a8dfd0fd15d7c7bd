"""Strict parser for formulas in FOLIO's notation or in ASCII.

    ∀x (Cat(x) → Furry(x))      forall x (Cat(x) -> Furry(x))
    ¬ ∧ ∨ ⊕ → ↔ = ≠ ∃ ⊤ ⊥       not/~/!  and/&  or/|  xor  ->  <->  =  !=  exists  true  false

From tight to loose: ¬ and quantifiers, ∧, ∨, ⊕, →, ↔. → groups to the right, the others to the
left. The scope of a quantifier is the one formula after its variable; with a dot, `∀x. …`, all
that follows. Position and quantifiers decide what a name is (variable, constant, predicate), never
its case.

Not here: repairing the formulas of data files (`toolsets.languages.formula.lenient`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from toolsets.errors import LimitExceeded
from toolsets.languages.climbing import Climber, scan
from toolsets.languages.formula.syntax import (
    BINDING,
    Atom,
    Binary,
    Connective,
    Equality,
    Formula,
    Function,
    Not,
    Quantified,
    Quantifier,
    Term,
    Truth,
    Variable,
    depth,
    symbols,
)

LONGEST_FORMULA = 10_000  # characters
DEEPEST_FORMULA = 100  # nodes on the path from the root to a term; also nested parentheses

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "∀": ("forall", "FORALL"),
    "∃": ("exists", "EXISTS"),
    "↔": ("<->", "<=>", "⇔", "≡", "iff", "IFF"),
    "→": ("->", "=>", "⇒", "⊃", "implies", "IMPLIES"),
    "⊕": ("⊻", "xor", "XOR"),
    "∨": ("||", "|", "\\/", "or", "OR"),
    "∧": ("&&", "&", "/\\", "and", "AND"),
    "¬": ("~", "!", "not", "NOT"),
    "=": ("==",),
    "≠": ("!=",),
    "⊤": ("true", "True", "TRUE"),
    "⊥": ("false", "False", "FALSE"),
}
MEANING = {text: sign for sign, texts in _SPELLINGS.items() for text in (sign, *texts)}
_SIGNS = sorted((text for text in MEANING if not text.isalpha()), key=len, reverse=True)
TOKEN = re.compile(rf"\d+\.\d+|\w+|{'|'.join(map(re.escape, _SIGNS))}|[(),.:]")
_NUMBER = re.compile(r"[\d.]+")
_HINTS = {"^": "write ∧ (and) or ⊕ (xor)", "-": "write _ within a name", "⟷": "write ↔"}


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
    """A token of a formula; `sign` is its canonical spelling, for a name the text itself."""

    sign: str
    text: str
    column: int

    @property
    def is_name(self) -> bool:
        return (self.text[:1].isalnum() or self.text[:1] == "_") and self.text not in MEANING


def parse(text: str) -> Formula:
    """Parse a formula; raises FormulaError with the column of the error."""
    tokens = tokenize(text)
    formula = read(tokens)
    _check_kinds(formula, tokens)
    return formula


def parse_term(text: str) -> Term:
    """Parse a term such as tom or father(tom); raises FormulaError."""
    parser = _Parser(tokenize(text), None)
    term = parser.term()
    if parser.token.sign:
        raise FormulaError(f"expected the end, got {parser.token.text}", parser.token.column)
    return term


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, ending with an empty one; raises FormulaError for other characters."""
    if len(text) > LONGEST_FORMULA:
        raise FormulaTooLarge(f"longer than {LONGEST_FORMULA:,} characters", LONGEST_FORMULA + 1)
    tokens = [_token(match) for match in scan(text, TOKEN, _unknown_character)]
    return [*tokens, Token("", "", len(text) + 1)]


def read(tokens: list[Token], free: frozenset[str] | None = None) -> Formula:
    """Parse tokens into a formula; raises FormulaError.

    A quantified name outside of its quantifier is an error, unless `free` is given: then it and
    the names in `free` are read as free variables.
    """
    parser = _Parser(tokens, free)
    formula = parser.climb(0)
    token = parser.token
    if token.sign == ")":
        raise FormulaError("this ) closes nothing", token.column)
    if token.sign:
        expected = "expected a connective such as ∧ or →, or the end"
        raise FormulaError(f"{expected}, got {token.text}", token.column)
    if depth(formula) > DEEPEST_FORMULA:
        raise FormulaTooLarge(f"nested deeper than {DEEPEST_FORMULA} levels", 1)
    return formula


def quantified_names(tokens: list[Token]) -> frozenset[str]:
    """The names of all quantified variables."""
    names: set[str] = set()
    expects_variable = after_variable = False
    for token in tokens:
        if expects_variable and token.is_name:
            names.add(token.text)
        expects_variable, after_variable = (
            token.sign in ("∀", "∃") or (after_variable and token.sign == ","),
            expects_variable and token.is_name,
        )
    return frozenset(names)


def _unknown_character(character: str, column: int) -> FormulaError:
    hint = f"; {_HINTS[character]}" if character in _HINTS else ""
    return FormulaError(f"{character!r} is not allowed in a formula{hint}", column)


def _token(match: re.Match[str]) -> Token:
    written = match.group()
    return Token(MEANING.get(written, written), written, match.start() + 1)


class _Parser(Climber[Token, Formula]):
    def __init__(self, tokens: list[Token], free: frozenset[str] | None) -> None:
        super().__init__(tokens, 2 * DEEPEST_FORMULA)
        self._bound: list[str] = []
        self._quantified = quantified_names(tokens) | (free or frozenset())
        self._free_allowed = free is not None

    def binding(self) -> int:
        return BINDING.get(cast(Connective, self.token.sign), 0)

    def operation(self, left: Formula) -> Formula:
        connective = cast(Connective, self.take().sign)
        binding = BINDING[connective]
        right = self.climb(binding - 1 if connective == "→" else binding)
        return Binary(connective, left, right)

    def too_deep(self) -> FormulaTooLarge:
        message = f"nested deeper than {DEEPEST_FORMULA} levels"
        return FormulaTooLarge(message, self.token.column)

    def operand(self) -> Formula:
        token = self.take()
        match token.sign:
            case "¬":
                self.descend()
                operand = Not(self.operand())
                self._level -= 1
                return operand
            case "∀" | "∃":
                return self._quantified_formula(cast(Quantifier, token.sign))
            case "(":
                inside = self.climb(0)
                self._expect(")", f"to close the ( of column {token.column}, or a connective")
                return inside
            case "⊤" | "⊥":
                return Truth(token.sign == "⊤")
            case _ if token.is_name:
                return self._atom(token)
        raise FormulaError(f"expected a formula, got {token.text or 'the end'}", token.column)

    def _quantified_formula(self, quantifier: Quantifier) -> Formula:
        self.descend()
        token = self.take()
        if not token.is_name or _NUMBER.fullmatch(token.text):
            got = token.text or "the end"
            raise FormulaError(f"expected a variable after {quantifier}, got {got}", token.column)
        self._bound.append(token.text)
        if self.token.sign == ",":
            self.take()
            body = self._quantified_formula(quantifier)
        elif self.token.sign in (".", ":"):
            self.take()
            body = self.climb(0)
        else:
            body = self.operand()
        self._bound.pop()
        self._level -= 1
        return Quantified(quantifier, token.text, body)

    def _atom(self, token: Token) -> Formula:
        arguments = self._arguments(token)
        if self.token.sign in ("=", "≠"):
            sign = self.take().sign
            equality = Equality(self._as_term(token, arguments), self.term())
            return equality if sign == "=" else Not(equality)
        if token.text in self._bound or _NUMBER.fullmatch(token.text):
            kind = "number" if token.text not in self._bound else "variable"
            message = f"expected a formula, but {token.text} is a {kind}"
            raise FormulaError(message, token.column)
        return Atom(token.text, arguments)

    def term(self) -> Term:
        self.descend()
        token = self.take()
        if not token.is_name:
            got = token.text or "the end"
            message = f"expected a term such as a constant or a variable, got {got}"
            raise FormulaError(message, token.column)
        term = self._as_term(token, self._arguments(token))
        self._level -= 1
        return term

    def _arguments(self, token: Token) -> tuple[Term, ...]:
        if self.token.sign != "(":
            return ()
        if token.text in self._bound or _NUMBER.fullmatch(token.text):
            kind = "number" if token.text not in self._bound else "variable"
            message = f"{token.text} is a {kind} and takes no arguments"
            raise FormulaError(message, self.token.column)
        self.take()
        terms = [self.term()]
        while self.token.sign == ",":
            self.take()
            terms.append(self.term())
        self._expect(")", f"or , in the arguments of {token.text}")
        return tuple(terms)

    def _as_term(self, token: Token, arguments: tuple[Term, ...]) -> Term:
        if arguments or token.text not in self._quantified:
            return Function(token.text, arguments)
        if token.text not in self._bound and not self._free_allowed:
            message = f"{token.text} is outside of its quantifier; put the whole scope in "
            raise FormulaError(f"{message}parentheses: ∀{token.text} (…)", token.column)
        return Variable(token.text)

    def _expect(self, sign: str, why: str) -> None:
        token = self.take()
        if token.sign != sign:
            got = token.text or "the end"
            raise FormulaError(f"expected {sign} {why}, got {got}", token.column)


def _check_kinds(formula: Formula, tokens: list[Token]) -> None:
    """Raise FormulaError if one name is a predicate and also a constant, function or variable.

    This happens in `forall x y (P(x, y))`, which lacks a comma.
    """
    used = symbols(formula)
    predicates = {symbol.name for symbol in used if symbol.kind == "predicate"}
    others = {symbol.name for symbol in used if symbol.kind == "function"}
    if both := predicates & (others | quantified_names(tokens)):
        token = next(token for token in tokens if token.text in both)
        message = f"{token.text} is used both as a predicate and as a thing"
        raise FormulaError(f"{message}; several variables are written ∀x ∀y", token.column)

"""Parser for the terms of a formula: constants, variables and applied functions.

Not here: formulas (`toolsets.languages.formula.parser`).
"""

from __future__ import annotations

from toolsets.languages.climbing import Climber
from toolsets.languages.formula.syntax import Formula, Function, Quantifier, Term, Variable
from toolsets.languages.formula.tokens import (
    CLOSING,
    DEEPEST_FORMULA,
    FormulaError,
    FormulaTooLarge,
    Token,
    unexpected,
)


class TermParser(Climber[Token, Formula]):
    """`quantified` and `outside` collect the variables, and the constants outside their scope."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens, 2 * DEEPEST_FORMULA)
        self._bound: list[str] = []
        self._applied = 0  # connectives written as functions around the current token
        self.quantified: dict[str, Quantifier] = {}
        self._columns: dict[str, int] = {}  # of the variables
        self.outside: list[Token] = []
        self.body_starts: list[int] = []

    def too_deep(self) -> FormulaTooLarge:
        message = f"nested deeper than {DEEPEST_FORMULA} levels"
        return FormulaTooLarge(message, self.token.column)

    def term(self) -> Term:
        self.descend()
        token = self.take()
        if not token.is_name:
            raise unexpected("a term such as a constant or a variable", token)
        term = self._as_term(token, self._arguments(token))
        self._level -= 1
        return term

    def _arguments(self, token: Token) -> tuple[Term, ...]:
        if self.token.sign != "(":
            return ()
        if kind := self._kind(token):
            message = f"{token.text} is a {kind} and takes no arguments"
            raise FormulaError(message, self.token.column)
        opening = self.take()
        terms = [self.term()]
        while self.token.sign == ",":
            self.take()
            terms.append(self.term())
        self._close(opening, f"or , in the arguments of {token.text}")
        return tuple(terms)

    def _kind(self, token: Token) -> str:
        """What a name is that can be neither a predicate nor a function; empty if it can be."""
        if token.is_quoted:
            return "constant"
        if token.sign in self._bound:
            return "variable"
        return "number" if token.is_number else ""

    def _as_term(self, token: Token, arguments: tuple[Term, ...]) -> Term:
        if arguments:
            return Function(token.sign, arguments)
        if token.sign in self._bound and not token.is_quoted:
            return Variable(token.sign)
        self.outside.append(token)
        return Function(token.sign)

    def _close(self, opening: Token, why: str) -> None:
        self._expect(CLOSING[opening.text], why)

    def _expect(self, text: str, why: str) -> None:
        token = self.take()
        if token.text != text:
            raise unexpected(f"{text} {why}", token)

"""Parser for quantifiers: `∀x …`, `∀x y …`, `∀x, y. …`, `(∀x) …` and `ForAll([x, y], …)`.

A name after the first variable is another variable if it cannot be read as the formula's first
predicate; if both are possible, it is an error.

Not here: what a quantifier encloses (`toolsets.languages.formula.parser`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from toolsets.languages.formula.syntax import (
    Formula,
    Quantified,
    Quantifier,
    Term,
    Variable,
    free_variables,
)
from toolsets.languages.formula.terms import TermParser
from toolsets.languages.formula.tokens import DASHES, DETERMINERS, FormulaError, Token, unexpected


class QuantifierParser(TermParser):
    """Reads a quantifier with its variables and its scope."""

    def _is_prefix(self) -> bool:
        """Whether the next tokens are `∀x)`, as in `(∀x)(…)`."""
        after = self._tokens[self._position : self._position + 3]
        return [token.sign for token in after[::2]] in (["∀", ")"], ["∃", ")"]) and after[1].is_name

    def _prefixed(self) -> Formula:
        quantifier = cast(Quantifier, self.take().sign)
        self.descend()
        variable = self._variable(quantifier)
        self.take()
        formula = self._scope(quantifier, [variable], wide=self.token.sign in (".", ":"))
        self._level -= 1
        return formula

    def _quantified_formula(self, quantifier: Quantifier) -> Formula:
        self.descend()
        if self.token.sign == "(":
            formula = self._applied_quantifier(quantifier)
        else:
            variables = [self._variable(quantifier)]
            while self._takes_variable(variables):
                variables.append(self._variable(quantifier))
            formula = self._scope(quantifier, variables, wide=self.token.sign in (".", ":", ","))
        self._level -= 1
        return formula

    def _applied_quantifier(self, quantifier: Quantifier) -> Formula:
        """`ForAll(x, …)` and `ForAll([x, y], …)`."""
        opening = self.take()
        variables: list[str] = []
        if self.token.sign == "(":
            inner = self.take()
            variables.append(self._variable(quantifier))
            while self.token.sign == ",":
                self.take()
                variables.append(self._variable(quantifier))
            self._close(inner, "after the variables")
        else:
            variables.append(self._variable(quantifier))
        comma = self.take()
        if comma.sign != ",":
            raise unexpected(f", and a formula after the variables of {quantifier}(…)", comma)
        while self.token.is_name and self._tokens[self._position + 1].sign == ",":
            variables.append(self._variable(quantifier))
            self.take()
        formula = self._bind(quantifier, variables, lambda: self.climb(0))
        self._close(opening, f"after the formula of {quantifier}(…)")
        return formula

    def _scope(self, quantifier: Quantifier, variables: list[str], *, wide: bool) -> Formula:
        """The quantified formula, from the token after the variables."""
        self.body_starts.append(self._position)
        if wide:
            self.take()
        body = (lambda: self.climb(0)) if wide else self.operand
        return self._bind(quantifier, variables, body, listed=len(variables) > 1)

    def _bind(
        self,
        quantifier: Quantifier,
        variables: list[str],
        body: Callable[[], Formula],
        *,
        listed: bool = False,
    ) -> Formula:
        self._bound += variables
        formula = body()
        del self._bound[-len(variables) :]
        if listed:
            self._check_use(variables, formula)
        for variable in reversed(variables):
            formula = Quantified(quantifier, variable, formula)
        return formula

    def _check_use(self, variables: list[str], body: Formula) -> None:
        """Raise FormulaError for `∀ cats x …`, where cats is a kind of thing, not a variable."""
        if unused := [name for name in variables if name not in free_variables(body)]:
            reason = f"{unused[0]} is listed as a variable, but the formula does not use it"
            choice = "write the variables only; all cats x is ∀x (Cat(x) → …)"
            raise FormulaError(f"{reason}; {choice}", self._columns[unused[0]])

    def _variable(self, quantifier: Quantifier) -> str:
        token = self.take()
        if quantifier == "∃" and token.text == "!":
            reason = "∃! (exactly one) is not supported; write ∃x (P(x) ∧ ∀y (P(y) → y = x))"
            raise FormulaError(reason, token.column)
        if not self._may_be_variable(token):
            raise unexpected(f"a variable after {quantifier}", token)
        self.quantified[token.sign] = quantifier
        self._columns[token.sign] = token.column
        return token.sign

    def _takes_variable(self, variables: list[str]) -> bool:
        """Whether another variable follows, as in `∀x y …` and `∀x, y …`; skips its comma."""
        place = self._position
        comma = self._tokens[place].sign == ","
        if comma and self._applied:
            return False
        name = self._tokens[min(place + comma, len(self._tokens) - 1)]
        if not self._may_be_variable(name) or name.sign in variables:
            return False
        after = self._tokens[place + comma + 1]
        follows = after.is_name or after.sign in ("∀", "∃", "¬", ".", ":", *DASHES)
        follows = follows or (after.sign == "," and not self._applied)
        if follows or (after.sign == "(" and self._opens_scope(place + comma + 1, name, variables)):
            self._position += comma
            return True
        return False

    def _may_be_variable(self, token: Token) -> bool:
        word = token.sign.casefold() in DETERMINERS
        return token.is_name and not (token.is_number or token.is_quoted or word)

    def _opens_scope(self, place: int, name: Token, variables: list[str]) -> bool:
        """Whether the ( at `place` opens the scope of the variable `name`, not its arguments."""
        if self._encloses(place, name.sign):
            return True
        terms = self._try_arguments(place, name, variables)
        if terms is None:
            return True
        adjacent = self._tokens[place].column == name.column + len(name.text)
        only = terms[0]
        if adjacent or len(terms) > 1 or isinstance(only, Variable) or only.name[0].isdigit():
            return False
        reason = f"{name.text} may be a variable or a predicate"
        choice = f"write ∀{name.text} (…) or {name.text}(…) without a space"
        raise FormulaError(f"{reason}; {choice}", name.column)

    def _try_arguments(
        self, place: int, name: Token, variables: list[str]
    ) -> tuple[Term, ...] | None:
        """The arguments of `name` from the ( at `place`; None if they are no arguments."""
        position, level, outside = self._position, self._level, len(self.outside)
        self._position = place
        self._bound += variables
        try:
            return self._arguments(name)
        except FormulaError:
            return None
        finally:
            self._position, self._level = position, level
            del self.outside[outside:]
            del self._bound[-len(variables) :]

    def _encloses(self, place: int, name: str) -> bool:
        """Whether the parentheses that open at `place` enclose `name` without arguments."""
        level = 0
        for token, after in zip(self._tokens[place:], self._tokens[place + 1 :], strict=False):
            level += (token.sign == "(") - (token.sign == ")")
            if level == 0:
                return False
            if token.sign == name and after.sign != "(":
                return True
        return False

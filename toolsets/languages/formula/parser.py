"""Strict parser for formulas in FOLIO's notation or in ASCII.

    ∀x (Cat(x) → Furry(x))      forall x (Cat(x) -> Furry(x))      ForAll(x, Implies(Cat(x), …))
    ¬ ∧ ∨ ⊕ → ← ↔ = ≠ ∃ ⊤ ⊥     and other spellings (`toolsets.languages.formula.tokens`)

From tight to loose: ¬ and quantifiers, ∧, ∨, ⊕, → and ←, ↔. → groups to the right, the others to
the left; → and ← side by side need parentheses. The scope of a quantifier is the one formula after
its variables; with a dot, colon or comma, `∀x. …`, all that follows. Position and quantifiers
decide what a name is (variable, constant, predicate), never its case.

Not here: repairing the formulas of data files (`toolsets.languages.formula.lenient`), suggestions
(`toolsets.languages.formula.suggestions`).
"""

from __future__ import annotations

from functools import reduce
from typing import cast

from toolsets.languages.formula.checks import (
    check_arrows,
    check_kinds,
    check_numbers,
    outside_scope,
    set_free,
)
from toolsets.languages.formula.quantifiers import QuantifierParser
from toolsets.languages.formula.syntax import (
    BINDING,
    Atom,
    Binary,
    Connective,
    Equality,
    Formula,
    Not,
    Quantifier,
    Term,
    Truth,
    depth,
)
from toolsets.languages.formula.tokens import (
    DASHES,
    DEEPEST_FORMULA,
    FormulaError,
    FormulaTooLarge,
    Token,
    tokenize,
    unexpected,
)

_UNSUPPORTED = {  # calls of SymPy and Z3 that would be read as predicates
    "Nand": "¬(p ∧ q)",
    "Nor": "¬(p ∨ q)",
    "Xnor": "p ↔ q",
    "Equivalent": "p ↔ q",
    "ITE": "(c → p) ∧ (¬c → q)",
    "If": "(c → p) ∧ (¬c → q)",
    "Eq": "a = b",
    "Ne": "a ≠ b",
    "Distinct": "a ≠ b",
}


def parse(text: str) -> Formula:
    """Parse a formula; raises FormulaError with the column of the error."""
    check_numbers(text)
    tokens = tokenize(text)
    formula = read(tokens)
    check_kinds(formula, tokens)
    return formula


def parse_term(text: str) -> Term:
    """Parse a term such as tom or father(tom); raises FormulaError."""
    parser = _Parser(tokenize(text))
    term = parser.term()
    if parser.token.sign:
        raise unexpected("the end", parser.token)
    return term


def read(tokens: list[Token], free: frozenset[str] | None = None) -> Formula:
    """Parse tokens into a formula; raises FormulaError.

    A quantified name outside of its quantifier is an error, unless `free` is given: then it and
    the names in `free` are read as free variables.
    """
    check_arrows(tokens)
    parser = _Parser(tokens)
    formula = parser.whole()
    if depth(formula) > DEEPEST_FORMULA:
        raise FormulaTooLarge(f"nested deeper than {DEEPEST_FORMULA} levels", 1)
    for token in parser.outside:
        if token.sign in parser.quantified and (free is None or token.is_quoted):
            raise outside_scope(token, parser.quantified[token.sign])
    return formula if free is None else set_free(formula, free.union(parser.quantified))


def body_starts(tokens: list[Token]) -> frozenset[int]:
    """The indices of the tokens that follow the variables of a quantifier; raises FormulaError."""
    parser = _Parser(tokens)
    parser.whole()
    return frozenset(parser.body_starts)


class _Parser(QuantifierParser):
    def whole(self) -> Formula:
        """Parse all tokens."""
        formula = self.climb(0)
        if self.token.sign == ")":
            raise FormulaError(f"this {self.token.text} closes nothing", self.token.column)
        if self.token.sign:
            raise unexpected("a connective such as ∧ or →, or the end", self.token)
        return formula

    def binding(self) -> int:
        sign = "→" if self.token.sign == "←" else self.token.sign
        return BINDING.get(cast(Connective, sign), 0)

    def operation(self, left: Formula) -> Formula:
        token = self.take()
        if token.sign == "←":
            return Binary("→", self.climb(BINDING["→"]), left)
        connective = cast(Connective, token.sign)
        binding = BINDING[connective]
        right = self.climb(binding - 1 if connective == "→" else binding)
        return Binary(connective, left, right)

    def operand(self) -> Formula:
        token = self.take()
        if token.text in DASHES and not self.token.is_number:
            token = Token("¬", token.text, token.column)
        match token.sign:
            case "¬":
                self.descend()
                operand = Not(self.operand())
                self._level -= 1
                return operand
            case "∀" | "∃":
                return self._quantified_formula(cast(Quantifier, token.sign))
            case "(" if self._is_prefix():
                return self._prefixed()
            case "(":
                inside = self.climb(0)
                self._close(
                    token, f"to close the {token.text} of column {token.column}, or a connective"
                )
                return inside
            case "⊤" | "⊥":
                return Truth(token.sign == "⊤")
            case _ if token.is_word and token.sign in BINDING and self.token.sign == "(":
                return self._applied_connective(token)
            case _ if token.is_name:
                return self._atom(token)
        raise unexpected("a formula", token)

    def _applied_connective(self, token: Token) -> Formula:
        """`And(p, q, r)`; Implies and Iff take two formulas."""
        self.descend()
        opening, sides = self.take(), []
        self._applied += 1
        while not sides or self.token.sign == ",":
            if sides:
                self.take()
            sides.append(self.climb(0))
        self._applied -= 1
        self._close(opening, f"or , after a formula of {token.text}(…)")
        self._level -= 1
        if len(sides) < 2 or (len(sides) > 2 and token.sign in ("→", "↔")):
            wanted = "two formulas" if token.sign in ("→", "↔") else "two or more formulas"
            reason = f"{token.text}(…) takes {wanted}, got {len(sides)}"
            raise FormulaError(reason, token.column)
        connective = cast(Connective, token.sign)
        return reduce(lambda left, right: Binary(connective, left, right), sides)

    def _atom(self, token: Token) -> Formula:
        if self.token.sign == "(" and token.text in _UNSUPPORTED:
            reason = f"{token.text}(…) is not supported; write {_UNSUPPORTED[token.text]}"
            raise FormulaError(reason, token.column)
        arguments = self._arguments(token)
        if self.token.sign in ("=", "≠"):
            sign = self.take().sign
            equality = Equality(self._as_term(token, arguments), self.term())
            return equality if sign == "=" else Not(equality)
        if kind := self._kind(token):
            message = f"expected a formula, but {token.text} is a {kind}"
            raise FormulaError(message, token.column)
        return Atom(token.sign, arguments)

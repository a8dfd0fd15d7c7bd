"""From tokens to a tree, by precedence climbing (`toolsets.languages.climbing`).

From loose to tight: `x if c else y`, ↔, →, or, xor, and, not, comparisons, + and -, * / // % and
products without a sign, minus before an operand, powers, ! and °. → and powers group to the right.
% is the remainder, or a percent sign where no operand follows.
A name before a parenthesis is a function of the language, or, where it is one letter, a factor.

Not here: what characters make a token (`toolsets.languages.expression.tokens`).
"""

from __future__ import annotations

import difflib
from fractions import Fraction
from typing import TypeVar

from toolsets.languages.climbing import Climber
from toolsets.languages.expression.tokens import (
    END,
    NAME,
    NUMBER,
    SIGN,
    SUPERSCRIPT,
    ExpressionError,
    ExpressionTooLarge,
    Token,
    exact_number,
    superscript,
    tokenize,
)
from toolsets.languages.expression.tree import (
    COMPARISONS,
    FLAT,
    Apply,
    Arity,
    Constant,
    Language,
    Name,
    Quoted,
    Tree,
    join,
)

DEEPEST = 40  # operators and parentheses within each other

_NOT, _COMPARISON, _SUM, _PRODUCT, _MINUS, _POWER, _POSTFIX = 7, 8, 9, 10, 11, 12, 13
_BINDING = {
    **{"if": 1, "↔": 2, "→": 3, "or": 4, "xor": 5, "and": 6, "in": _COMPARISON, "+": _SUM},
    **{"-": _SUM, "**": _POWER, "!": _POSTFIX, "°": _POSTFIX},
    **dict.fromkeys(COMPARISONS, _COMPARISON),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
}
_CLOSING = {"(": ")", "[": "]", "{": "}", "|": "|"}
_AFTER_PERCENT = (*COMPARISONS, "+", "*", "/", ")", "]", ",")  # 20% * 50, but 20 % 3
Found = TypeVar("Found")
_DEGREE = Apply("/", (Name("pi"), Constant(Fraction(180))))


def read(text: str, language: Language) -> Tree:
    """The tree of `text`; raises ExpressionError or ExpressionTooLarge, both for the model."""
    parser = _Parser(tokenize(text), language)
    return parser.finished(parser.climb(0))


def read_list(text: str, language: Language) -> tuple[Tree, ...]:
    """The trees of a text that holds several with commas or semicolons between them."""
    parser = _Parser(tokenize(text), language)
    found = [parser.climb(0)]
    while parser.skip(","):
        found.append(parser.climb(0))
    return parser.finished(tuple(found))


class _Parser(Climber[Token, Tree]):
    def __init__(self, tokens: list[Token], language: Language) -> None:
        super().__init__(tokens, DEEPEST)
        self._language = language

    def operation(self, left: Tree) -> Tree:
        made = self._operation(left)
        if not _same_list(left, made):
            self.descend()
        return made

    def finished(self, found: Found) -> Found:
        """`found`, where nothing is left to read."""
        if (token := self.token).kind != END:
            reason = "cannot stand here; an operator is missing, or a parenthesis"
            raise ExpressionError(f"column {token.column}: {token.said} {reason}")
        return found

    def skip(self, sign: str) -> bool:
        """Go past a sign, if it comes next."""
        if found := self._is(sign):
            self.take()
        return found

    def too_deep(self) -> ExpressionTooLarge:
        return ExpressionTooLarge(f"the expression is nested deeper than {DEEPEST} levels")

    def _is(self, *signs: str) -> bool:
        return self.token.kind == SIGN and self.token.text in signs

    def _expect(self, sign: str) -> None:
        if not self.skip(sign):
            column, said = self.token.column, self.token.said
            raise ExpressionError(f"column {column}: expected {sign!r}, got {said}")

    def binding(self) -> int:
        if self._starts_factor():
            return _PRODUCT
        if self.token.kind == SUPERSCRIPT:
            return _POSTFIX
        return _BINDING.get(self.token.text, 0) if self.token.kind == SIGN else 0

    def _starts_factor(self) -> bool:
        """Whether a product without a sign goes on: 2x, 3(x + 1), x y, (x)2, but not x 2."""
        if self.token.kind == NUMBER:
            return self._tokens[self._position - 1].kind == SIGN
        return self.token.kind == NAME or self._is("(", "√")

    def _operation(self, left: Tree) -> Tree:
        if self._starts_factor():
            return join("*", left, self.climb(_PRODUCT))
        token = self.take()
        if token.kind == SUPERSCRIPT:
            return Apply("**", (left, superscript(token.text)))
        match token.text:
            case "!":
                return Apply("factorial", (left,))
            case "°":
                return join("*", left, _DEGREE)
            case "%" if self._is(*_AFTER_PERCENT) or self.token.kind == END:
                return Apply("/", (left, Constant(Fraction(100))))
            case "if":
                return self._choice(left)
            case "-":
                return join("+", left, Apply("-", (self.climb(_SUM),)))
            case operator if operator in COMPARISONS:
                return self._comparison(operator, left)
            case operator:
                return self._binary(operator, left)

    def _binary(self, operator: str, left: Tree) -> Tree:
        to_the_right = operator in ("→", "**")
        right = self.climb(_BINDING[operator] - to_the_right)
        return join(operator, left, right) if operator in FLAT else Apply(operator, (left, right))

    def _choice(self, value: Tree) -> Tree:
        condition = self.climb(_BINDING["if"])
        self._expect("else")
        return Apply("if", (condition, value, self.climb(0)))

    def _comparison(self, operator: str, left: Tree) -> Tree:
        """One comparison, or a chain such as 1 < x ≤ 3: all of them."""
        right = self.climb(_COMPARISON)
        result = Apply(operator, (left, right))
        while self._is(*COMPARISONS):
            operator, left = self.take().text, right
            right = self.climb(_COMPARISON)
            result = join("and", result, Apply(operator, (left, right)))
        return result

    def operand(self) -> Tree:
        token = self.take()
        match token.kind, token.text:
            case "number", text:
                return exact_number(text)
            case "quoted", text:
                return Quoted(text[1:-1])
            case "name", _:
                return self._name(token)
            case "sign", "+":
                return self.climb(_MINUS)
            case "sign", "-":
                return Apply("-", (self.climb(_MINUS),))
            case "sign", "not" | "!":
                return Apply("not", (self.climb(_NOT),))
            case "sign", "√":
                return Apply("sqrt", (self.climb(_POWER),))
            case "sign", "if" if self._is("("):
                return self._call("if", Arity(3, 3), token)
            case "sign", text if text in _CLOSING:
                return self._enclosed(text)
        column, said = token.column, token.said
        raise ExpressionError(f"column {column}: expected a number or a name, got {said}")

    def _name(self, token: Token) -> Tree:
        name, arity = token.text, self._language.get(token.text)
        if arity and self._is("("):
            return self._call(name, arity, token)
        if arity:
            message = f"{name} needs what it is applied to in parentheses, like {name}(x)"
            raise ExpressionError(f"column {token.column}: {message}")
        if len(name) > 1 and self._is("("):
            raise ExpressionError(f"column {token.column}: {self._unknown(name)}")
        return Name(name)

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._language, n=1)
        hint = f"did you mean {near[0]}?" if near else f"for a product write {name}*(...)."
        known = ", ".join(self._language)
        return f"there is no function {name}; {hint} The functions are: {known}"

    def _call(self, name: str, arity: Arity, token: Token) -> Tree:
        self._expect("(")
        arguments = self._items(")")
        if not arity.least <= len(arguments) <= arity.most:
            wanted = f"takes {arity.said}, got {len(arguments)}"
            raise ExpressionError(f"column {token.column}: {name} {wanted}")
        return Apply(name, arguments)

    def _enclosed(self, opening: str) -> Tree:
        items = self._items(_CLOSING[opening])
        if opening == "|" and len(items) == 1:
            return Apply("abs", items)
        if opening == "(" and len(items) == 1:
            return items[0]
        return Apply("list", items)

    def _items(self, closing: str) -> tuple[Tree, ...]:
        found: list[Tree] = []
        while not self._is(closing):
            found.append(self.climb(0))
            if not self.skip(","):
                break
        self._expect(closing)
        return tuple(found)


def _same_list(before: Tree, after: Tree) -> bool:
    """Whether `after` holds the list of `before`, one longer: no level was added."""
    return (
        isinstance(before, Apply)
        and isinstance(after, Apply)
        and before.operator == after.operator
        and after.operator in FLAT
    )

"""Parser from tokens to a tree, by precedence climbing (`toolsets.languages.climbing`).

From loose to tight: `x if c else y`, ↔, →, or, xor, and, not, comparisons, + and -, * / // % and
products without a sign, minus before an operand, powers, ! and ° and the percent sign. → and powers
group to the right. `if a then b` is a → b.

Not here: what is decided before parsing, such as the meaning of % (`notation`, `percent`, `latex`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeVar

from toolsets.languages.climbing import Climber
from toolsets.languages.expression.latex import plain
from toolsets.languages.expression.notation import interpret
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

DEEPEST = 40  # nesting levels of operators and parentheses

_NOT, _COMPARISON, _SUM, _PRODUCT, _MINUS, _POWER, _POSTFIX = 7, 8, 9, 10, 11, 12, 13
_BINDING = {
    **{"if": 1, "↔": 2, "→": 3, "or": 4, "xor": 5, "and": 6, "in": _COMPARISON, "+": _SUM},
    **{"-": _SUM, "**": _POWER, "!": _POSTFIX, "°": _POSTFIX, "percent": _POSTFIX},
    "not in": _COMPARISON,
    **dict.fromkeys(COMPARISONS, _COMPARISON),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
}
_CLOSING = {"(": ")", "[": "]", "{": "}", "|": "|"}
_SAME = {"pow": "**", "nCr": "binomial", "choose": "binomial"}
Result = TypeVar("Result")
_DEGREE = Apply("/", (Name("pi"), Constant(Fraction(180))))


def read(text: str, language: Language, phrases: bool = False) -> Tree:
    """Parse one expression; raises ExpressionError or ExpressionTooLarge, both for the model.

    With `phrases`, words side by side are one name.
    """
    tokens = interpret(tokenize(plain(text)), language, phrases=phrases)
    parser = _Parser(tokens, language)
    return parser.at_end(parser.climb(0))


def read_list(text: str, language: Language) -> tuple[Tree, ...]:
    """Parse several expressions, separated by commas or semicolons; raises as `read` does."""
    parser = _Parser(interpret(tokenize(plain(text)), language, single=False), language)
    trees = [parser.climb(0)]
    while parser.skip(","):
        trees.append(parser.climb(0))
    return parser.at_end(tuple(trees))


class _Parser(Climber[Token, Tree]):
    def __init__(self, tokens: list[Token], language: Language) -> None:
        super().__init__(tokens, DEEPEST)
        self._language = language
        self._bars = 0  # open signs | of absolute values

    def operation(self, left: Tree) -> Tree:
        result = self._operation(left)
        if not _extends(left, result):
            self.descend()
        return result

    def at_end(self, result: Result) -> Result:
        """Return `result`; raises ExpressionError if tokens are left."""
        if (token := self.token).kind != END:
            reason = "cannot stand here; an operator is missing, or a parenthesis"
            raise ExpressionError(f"column {token.column}: {token.described} {reason}")
        return result

    def skip(self, sign: str) -> bool:
        """Move past `sign` if it is the next token; return whether it was."""
        if is_next := self._is(sign):
            self.take()
        return is_next

    def too_deep(self) -> ExpressionTooLarge:
        return ExpressionTooLarge(f"the expression is nested deeper than {DEEPEST} levels")

    def _is(self, *signs: str) -> bool:
        return self.token.kind == SIGN and self.token.text in signs

    def _expect(self, sign: str) -> None:
        if not self.skip(sign):
            column, got = self.token.column, self.token.described
            raise ExpressionError(f"column {column}: expected {sign!r}, got {got}")

    def binding(self) -> int:
        if self._bars > 1:
            self._split_bars()
        if self._starts_factor():
            return _PRODUCT
        if self.token.kind == SUPERSCRIPT:
            return _POSTFIX
        return _BINDING.get(self.token.text, 0) if self.token.kind == SIGN else 0

    def _starts_factor(self) -> bool:
        """Whether the next token is a factor without a sign: 2x, 3(x + 1), x y, (x)2, not x 2."""
        if self.token.kind == NUMBER:
            return self._tokens[self._position - 1].kind == SIGN
        return self.token.kind == NAME or self._is("(", "√") or (not self._bars and self._is("|"))

    def _split_bars(self) -> None:
        """Read || as two signs | of absolute values, where it cannot be `or`."""
        if self._is("or") and self.token.written == "||":
            bar = self.token._replace(text="|", written="|")
            second = bar._replace(column=bar.column + 1, before="")
            tokens = [*self._tokens]
            tokens[self._position : self._position + 1] = [bar, second]
            self._tokens = tokens

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
            case "percent":
                return Apply("/", (left, Constant(Fraction(100))))
            case "not in":
                return Apply("not", (Apply("in", (left, self.climb(_COMPARISON))),))
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

    def _conditional(self) -> Tree:
        """`if a then b` as a → b, `if a then b else c` as a choice."""
        condition = self.climb(_BINDING["if"])
        self._expect("then")
        consequence = self.climb(_BINDING["if"])
        if self.skip("else"):
            return Apply("if", (condition, consequence, self.climb(0)))
        return Apply("→", (condition, consequence))

    def _comparison(self, operator: str, left: Tree) -> Tree:
        """One comparison, or the conjunction that a chain such as 1 < x ≤ 3 stands for."""
        right = self.climb(_COMPARISON)
        result = Apply(operator, (left, right))
        while self._is(*COMPARISONS):
            operator, left = self.take().text, right
            right = self.climb(_COMPARISON)
            result = join("and", result, Apply(operator, (left, right)))
        return result

    def operand(self) -> Tree:
        self._split_bars()
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
            case "sign", "if":
                is_call = self._is("(") and not self._has_then()
                return self._call("if", Arity(3, 3), token) if is_call else self._conditional()
            case "sign", text if text in _CLOSING:
                return self._enclosed(text)
        column, got = token.column, token.described
        raise ExpressionError(f"column {column}: expected a number or a name, got {got}")

    def _name(self, token: Token) -> Tree:
        name, arity = token.text, self._language.get(token.text)
        if arity and self._is("("):
            return self._call(name, arity, token)
        if arity:
            example = f"{name}({', '.join('xyz'[: arity.least])})"
            message = f"{name} needs its argument in parentheses, like {example}"
            raise ExpressionError(f"column {token.column}: {message}")
        return Name(name)

    def _has_then(self) -> bool:
        """Whether the condition from here on is followed by `then`."""
        depth = 0
        for token in self._tokens[self._position :]:
            depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
            if depth < 0 or token.kind == END or (depth == 0 and token.text in (",", "else")):
                return False
            if depth == 0 and token.text == "then":
                return True
        return False

    def _call(self, name: str, arity: Arity, token: Token) -> Tree:
        self._expect("(")
        outside, self._bars = self._bars, 0
        arguments = self._items(")")
        self._bars = outside
        if not arity.least <= len(arguments) <= arity.most:
            reason = f"takes {arity.described}, got {len(arguments)}"
            raise ExpressionError(f"column {token.column}: {name} {reason}")
        return Apply(_SAME.get(name, name), arguments)

    def _enclosed(self, opening: str) -> Tree:
        outside = self._bars
        self._bars = self._bars + 1 if opening == "|" else 0
        items = (self.climb(0),) if opening == "|" else self._items(_CLOSING[opening])
        self._bars = outside
        if opening == "|":
            self._expect("|")
            return Apply("abs", items)
        if opening == "(" and len(items) == 1:
            return items[0]
        return Apply("list", items)

    def _items(self, closing: str) -> tuple[Tree, ...]:
        items: list[Tree] = []
        while not self._is(closing):
            items.append(self.climb(0))
            if not self.skip(","):
                break
        self._expect(closing)
        return tuple(items)


def _extends(before: Tree, after: Tree) -> bool:
    """Whether `after` appends an argument to the flat operator of `before`: no level is added."""
    return (
        isinstance(before, Apply)
        and isinstance(after, Apply)
        and before.operator == after.operator
        and after.operator in FLAT
    )

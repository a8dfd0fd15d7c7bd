"""Calculations with numbers only: read from a text, computed exactly.

The text is parsed by `toolsets.languages.expression` and never evaluated as code; each step is
computed with rationals, and its size checked. What can be read in two ways (`6/2(1+2)`, `3!!`) and
what is irrational (`sqrt(2)`) is refused.

Not here: names, equations and irrational numbers (the toolset `algebra`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from toolsets.languages.expression import Apply, Arity, Constant, Name, Tree, read
from toolsets.languages.expression.tokens import END, NAME, SIGN, SUPERSCRIPT, Token, tokenize
from toolsets.shipped.arithmetic.counting import combinations, permutations
from toolsets.shipped.arithmetic.operations import divide, integer_divide, power, remainder
from toolsets.shipped.arithmetic.whole import exact_root, factorial, gcd, lcm
from toolsets.tools.numbers import check_magnitude, read_number, write_number

_SEPARATED = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w.])")


def read_calculation(value: object) -> Tree:
    """Parse a calculation from text or a number; raises ValueError if it has two readings."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected a calculation as text")
    text = value if isinstance(value, str) else repr(value)
    if match := _SEPARATED.search(text):
        number = match.group().replace(",", "")
        raise ValueError(f"write numbers without separators: {number}, not {match.group()}")
    tree = read(text, LANGUAGE)
    _check_readings(tokenize(text))
    return tree


def compute(tree: Tree) -> Fraction:
    """The exact value of a calculation; raises ValueError if it has none."""
    match tree:
        case Constant(value=value):
            return _recovered(value)
        case Name(name=name):
            raise ValueError(f"{name} has no value here; write numbers only")
        case Apply(operator=operator, arguments=arguments) if operator in _OPERATORS:
            if operator == "%" and isinstance(arguments[1], Apply) and _negates(arguments[1]):
                raise ValueError("% has two meanings here: write mod(a, b), or a/100 for a percent")
            return check_magnitude(_OPERATORS[operator](*map(compute, arguments)))
    raise ValueError("expected one calculation whose result is a number, without =, < or a list")


def _recovered(value: Fraction) -> Fraction:
    """The number that a literal stands for, by the rule for all arguments: 0.333333333333333."""
    text = write_number(value)
    return read_number(text) if Fraction(text) == value else value


def _negates(tree: Apply) -> bool:
    return tree.operator == "-"


def _check_readings(tokens: list[Token]) -> None:
    """Raise ValueError for `a/b(c)` and `a!!`, which are read in two ways."""
    for k, token in enumerate(tokens):
        if _is_sign(token, "!") and _is_sign(tokens[k + 1], "!"):
            raise ValueError(f"column {token.column}: !! has two readings; write (a!)!")
        if _is_sign(token, "/", "//") and _starts_factor(tokens[_after_operand(tokens, k + 1)]):
            reason = f"{token.text} before a product without a sign has two readings"
            raise ValueError(f"column {token.column}: {reason}; write a/b*(c) or a/(b*(c))")


def _after_operand(tokens: list[Token], k: int) -> int:
    """The index after the operand that begins at k, with its powers and factorials."""
    while _is_sign(tokens[k], "-", "+", "√"):
        k += 1
    if tokens[k].kind == NAME and _is_sign(tokens[k + 1], "("):
        k += 1
    k = _after_brackets(tokens, k)
    while tokens[k].kind == SUPERSCRIPT or _is_sign(tokens[k], "!", "%"):
        k += 1
    return _after_operand(tokens, k + 1) if _is_sign(tokens[k], "**") else k


def _after_brackets(tokens: list[Token], k: int) -> int:
    """The index after the token at k, or after the bracket that closes it."""
    depth = 0
    while tokens[k].kind != END:
        depth += _is_sign(tokens[k], "(", "[", "{") - _is_sign(tokens[k], ")", "]", "}")
        k += 1
        if depth <= 0:
            break
    return k


def _is_sign(token: Token, *signs: str) -> bool:
    return token.kind == SIGN and token.text in signs


def _starts_factor(token: Token) -> bool:
    return token.kind == NAME or _is_sign(token, "(", "√")


def _sum(*values: Fraction) -> Fraction:
    result = Fraction(0)
    for value in values:
        result = check_magnitude(result + value)
    return result


def _product(*values: Fraction) -> Fraction:
    result = Fraction(1)
    for value in values:
        result = check_magnitude(result * value)
    return result


def _quotient(a: Fraction, b: Fraction) -> Fraction:
    if b == 0:
        raise ValueError("the expression divides by 0")
    return divide(a, b)


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator == 1:
        return power(base, exponent)
    if base < 0:
        raise ValueError("a number below 0 with a broken exponent; write root(a, n) for a root")
    return power(_root(base, Fraction(exponent.denominator)), Fraction(exponent.numerator))


def _root(value: Fraction, degree: Fraction = Fraction(2)) -> Fraction:
    exact = exact_root(value, degree)
    if exact is None:
        number, of = write_number(value), write_number(degree)
        advice = f"call root(value={number}, degree={of}) for its decimal"
        raise ValueError(f"the root of {number} is irrational; {advice}")
    return exact


_ONE, _TWO, _MANY = Arity(1, 1), Arity(2, 2), Arity(1, 100)
_FUNCTIONS: dict[str, tuple[Arity, Callable[..., Fraction]]] = {
    "sqrt": (_ONE, _root),
    "cbrt": (_ONE, lambda value: _root(value, Fraction(3))),
    "root": (_TWO, _root),
    "abs": (_ONE, lambda value: abs(value)),
    "floor": (_ONE, lambda value: Fraction(math.floor(value))),
    **dict.fromkeys(("ceil", "ceiling"), (_ONE, lambda value: Fraction(math.ceil(value)))),
    "min": (_MANY, lambda *values: min(values)),
    "max": (_MANY, lambda *values: max(values)),
    "gcd": (_MANY, lambda *values: gcd(list(values))),
    "lcm": (_MANY, lambda *values: lcm(list(values))),
    "mod": (_TWO, remainder),
    "pow": (_TWO, _power),
    "factorial": (_ONE, factorial),
    **dict.fromkeys(("combinations", "binomial", "choose", "nCr", "C"), (_TWO, combinations)),
    **dict.fromkeys(("permutations", "nPr", "P"), (_TWO, permutations)),
}
_OPERATORS: dict[str, Callable[..., Any]] = {
    **{name: function for name, (_, function) in _FUNCTIONS.items()},
    **{"+": _sum, "*": _product, "-": lambda a: -a, "/": _quotient, "**": _power},
    **{"//": integer_divide, "%": remainder},
}
LANGUAGE = {name: arity for name, (arity, _) in _FUNCTIONS.items()}

"""Expressions and relations in answers: equal if their values are, at several points.

Text is read by the algebra functions' own parser, never evaluated. Two expressions without names
are compared exactly if they are rational, else with DIGITS digits. Others are compared at POINTS,
where both are real if possible: two different expressions of bounded size agree at all of them only
by a freak. sympy is imported when two expressions are compared.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

from pipeline.agent.verdict.quantities import Quantity

LONGEST = 200  # characters
MOST_BITS, MOST_DEGREE, MOST_TERMS = 200, 60, 500  # of values, by the algebra functions' estimate
DIGITS, AGREEING = 90, 70  # decimal digits that are computed, and that must agree
POINTS = ("37/100", "-61/100", "17/10", "-23/10", "41/10", "13/7")
SLOW = ("factorial", "gamma", "LambertW", "mod", "erf")  # of a name; as numbers they are quick

_SIGNS = re.compile(r"[\w\s+\-*/^().!|√π²³°\\{}\[\]≈]+")
_MARK = re.compile(r"[\d+\-*/^(√π\\²³]|^pi$")
_WORD = re.compile(r"[^\W\d_]{2,}")
_NUMBERS_BEHIND_NAMES = re.compile(r"(?<![^\W\d_])[^\W\d_] *\d|[^\W\d_]{2,} +\d")
_DATE_OR_RANGE = re.compile(r"[\d\s.]+(?:[-/][\d\s.]+)+|\([\d\s.,]*\)|[\d.]+\s[\d\s.]+")
_TWO_SIGNS = re.compile(r"[+-] ?[+-]")
_NAME = re.compile(r"[^\W\d_](?:_\{?\w\}?)?")
_LETTER = re.compile(r"(?<![^\W\d_])[^\W\d_](?![^\W\d_])")
_PAIR = re.compile(r"(?<![^\W\d_])([^\W\d_])([^\W\d_])(?![^\W\d_])")
_POWER_OF_PAIR = re.compile(r"(?<![^\W\d_])[^\W\d_]{2} *(?:\^|\*\*|[²³])")
_DIVISIONS = re.compile(r"\d+ ?/ ?\d+")
_RELATION = re.compile(r"<=|>=|\\leq?\b|\\geq?\b|[≤≥<>=≠]")
_SPELLINGS = {"<=": "≤", r"\le": "≤", r"\leq": "≤", ">=": "≥", r"\ge": "≥", r"\geq": "≥"}
_TURNED = {">": "<", "≥": "≤"}
_KNOWN = frozenset(
    (
        *("pi", "sqrt", "cbrt", "root", "exp", "ln", "log", "abs", "floor", "ceil", "ceiling"),
        *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "asin", "acos"),
        *("atan", "sinh", "cosh", "tanh", "min", "max", "gcd", "lcm", "binomial", "factorial"),
        *("frac", "dfrac", "tfrac", "cdot", "times", "left", "right", "theta", "alpha", "beta"),
        *("gamma", "delta", "epsilon", "lambda", "mu", "rho", "sigma", "tau", "phi", "omega"),
    )
)


def is_expression(text: str) -> bool:
    """Whether an unwrapped text is an expression of mathematics that is not a plain number."""
    return _looks_symbolic(text) and _tree(text) is not None


def is_name(text: str) -> bool:
    """Whether a text is the name of a quantity, such as x or x_1."""
    return _NAME.fullmatch(text) is not None


def relation(text: str) -> tuple[str, str, str] | None:
    """The left side, the sign and the right side of a text with one sign of relation.

    `>` is turned to `<`.
    """
    signs = list(_RELATION.finditer(text))
    if len(signs) != 1:
        return None
    sign = _SPELLINGS.get(signs[0][0], signs[0][0])
    left, right = text[: signs[0].start()].strip(), text[signs[0].end() :].strip()
    if not left or not right:
        return None
    return (right, _TURNED[sign], left) if sign in _TURNED else (left, sign, right)


def constant(text: str) -> Quantity | None:
    """The value of an expression without names: exact if rational, else to DIGITS digits."""
    if not is_expression(text):
        return None
    built = _built(text)
    if built is None or built.free_symbols:
        return None
    if built.is_Rational:
        return Quantity(Fraction(int(built.p), int(built.q)))
    value = _value(built, {})
    if value is None or value[1]:
        return None
    return Quantity(value[0], error=Fraction(1, 10**AGREEING))


def same_expression(one: str, other: str) -> bool:
    """Whether two texts are expressions with equal values."""
    if not (is_expression(one) and is_expression(other)):
        return False
    first, second = _built(one), _built(other)
    if first is None or second is None:
        return False
    return first == second or _agree(first, second)


def _looks_symbolic(text: str) -> bool:
    if len(text) > LONGEST or not _SIGNS.fullmatch(text) or not _MARK.search(text):
        return False
    if _TWO_SIGNS.search(text):
        return False
    if _DATE_OR_RANGE.fullmatch(text) and not _DIVISIONS.fullmatch(text):
        return False
    if _NUMBERS_BEHIND_NAMES.search(text.replace("\\frac", "").replace("\\sqrt", "")):
        return False
    return all(word in _KNOWN or len(word) == 2 for word in _WORD.findall(text))


@lru_cache(maxsize=4096)
def _tree(text: str) -> Any:
    from toolsets.shipped.algebra.sizes import measure
    from toolsets.shipped.algebra.symbolic import read_expression

    text = _with_products(text.replace("π", " pi "))
    if _POWER_OF_PAIR.search(text.replace("pi", "π")):
        return None  # ab^2 may be a*b^2 or the square of one quantity
    try:
        tree = read_expression(text)
        size = measure(tree)
    except ValueError:
        return None
    small = size.bits <= MOST_BITS and size.degree <= MOST_DEGREE and size.terms <= MOST_TERMS
    return tree if small else None


def _with_products(text: str) -> str:
    """`ab^2` as `a*b^2` if a and b are names of the text, as mathematicians read it."""
    alone = set(_LETTER.findall(text))
    return _PAIR.sub(lambda m: f"{m[1]}*{m[2]}" if {m[1], m[2]} <= alone else m[0], text)


@lru_cache(maxsize=4096)
def _built(text: str) -> Any:
    from toolsets.languages.expression import names
    from toolsets.shipped.algebra.symbolic import build

    tree = _tree(text)
    if names(tree) and any(name in text for name in (*SLOW, "!")):
        return None
    try:
        return build(tree)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        return None


def _agree(first: Any, second: Any) -> bool:
    if first.is_Rational and second.is_Rational:
        return False  # sympy writes a rational in one way
    real, complex_ = 0, []
    for point in _points(sorted(first.free_symbols | second.free_symbols, key=str)):
        one, other = _value(first, point), _value(second, point)
        if one is None or other is None:
            continue
        if one[1] or other[1]:
            complex_.append((one, other))
        elif not _close(one, other):
            return False
        else:
            real += 1
    return real > 1 or (real + len(complex_) > 0 and all(_close(*pair) for pair in complex_))


def _points(symbols: list[Any]) -> list[dict[Any, Any]]:
    """Values for the symbols; each symbol has other values than its neighbours at each point."""
    import sympy

    if not symbols:
        return [{}]
    values = [sympy.Rational(point) for point in POINTS]
    return [
        {
            symbol: values[(number + index) % len(values)] + sympy.Rational(index, 97)
            for index, symbol in enumerate(symbols)
        }
        for number in range(len(values))
    ]


def _value(expression: Any, point: dict[Any, Any]) -> tuple[Fraction, Fraction] | None:
    """Real and imaginary part of a value, or None if it has none."""
    try:
        parts = expression.evalf(DIGITS, subs=point, maxn=2 * DIGITS).as_real_imag()
        return _fraction(parts[0]), _fraction(parts[1])
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        return None


def _fraction(value: Any) -> Fraction:
    if not (value.is_Float or value.is_Rational):
        raise ValueError("no number")
    number = Fraction(str(value))
    return Fraction(0) if abs(number) < Fraction(1, 10**AGREEING) else number


def _close(one: tuple[Fraction, Fraction], other: tuple[Fraction, Fraction]) -> bool:
    size = max(1, *map(abs, one), *map(abs, other))
    return all(abs(a - b) * 10**AGREEING <= size for a, b in zip(one, other, strict=True))

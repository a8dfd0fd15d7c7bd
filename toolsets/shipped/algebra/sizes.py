"""Limits on the size of expressions, estimated before anything is computed, and of results.

Each tree gets upper estimates of the bits of its numbers (a name counts as one), its degree and the
terms of its expansion, and its exact value if it is rational. Estimates are computed bottom-up and
each is checked at once, so that nesting cannot hide a large value: 2**3**9**9 already fails at the
exponent 9**9.

Not here: limits on the length and depth of text (`toolsets.languages.expression`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Apply, Constant, Name, Tree, names

MOST_DIGITS = 1_000
MOST_BITS = 3_321.9  # 10**1000, the first number with more digits, has 3321.93
MOST_DEGREE = 1_000
MOST_TERMS = 2_000
LARGEST_FACTORIAL = 449  # 449! has 998 digits
LARGEST_ROOT = 100
SHIFT_BITS = 8  # of a number in a factorial or an exponent that contains a name
LARGEST_RESULT = 3_000  # nodes; more would take over 10,000 characters


@dataclass(frozen=True, slots=True)
class Size:
    """Upper estimates; `degree` is 0 without names, `value` is exact or None."""

    bits: float
    degree: float = 0
    terms: float = 1
    value: Fraction | None = None


def measure(tree: Tree) -> Size:
    """Estimate the size of the value of `tree`.

    Raises LimitExceeded if a part is too large, ValueError if it divides by 0.
    """
    match tree:
        case Constant(value=value):
            return _exact(value)
        case Name():
            return Size(1, 1)
        case Apply(operator=operator, arguments=arguments):
            parts = [measure(argument) for argument in arguments]
            return _check(_MEASURES.get(operator, _function)(parts, len(names(tree))))
    return Size(1)


def whole_number(tree: Tree) -> int:
    """The value of `tree`; raises ValueError if it is not a whole number."""
    value = measure(tree).value
    if value is None or value.denominator != 1:
        raise ValueError("expected a whole number")
    return value.numerator


def check_result(result: Any) -> Any:
    """Return a sympy object; raises LimitExceeded if it is too large, ValueError if undefined."""
    import sympy

    if result.has(sympy.zoo, sympy.nan):
        raise ValueError("the expression is undefined: it divides by 0")
    for count, node in enumerate(sympy.preorder_traversal(result)):
        if count > LARGEST_RESULT:
            raise LimitExceeded(f"the result has more than {LARGEST_RESULT:,} parts")
        if isinstance(node, sympy.Rational):
            _check(_exact(Fraction(int(node.p), int(node.q))))
    return result


def _exact(value: Fraction) -> Size:
    return Size(max(1.0, math.log2(max(abs(value.numerator), value.denominator))), value=value)


def _check(size: Size) -> Size:
    if size.bits > MOST_BITS:
        raise _too_long()
    if size.degree > MOST_DEGREE:
        raise LimitExceeded(f"the expression has a degree above {MOST_DEGREE:,}")
    if size.terms > MOST_TERMS:
        raise LimitExceeded(f"the expression has more than {MOST_TERMS:,} terms when expanded")
    return size


def _too_long() -> LimitExceeded:
    return LimitExceeded(f"a number has more than {MOST_DIGITS:,} digits")


def _values(parts: list[Size]) -> list[Fraction] | None:
    """The exact values of all parts, or None if one is unknown."""
    values = [part.value for part in parts if part.value is not None]
    return values if len(values) == len(parts) else None


def _sum(parts: list[Size], variables: int) -> Size:
    if (values := _values(parts)) is not None:
        return _exact(sum(values, Fraction(0)))
    bits = max(part.bits for part in parts) + math.log2(len(parts))
    return Size(bits, max(part.degree for part in parts), sum(part.terms for part in parts))


def _product(parts: list[Size], variables: int) -> Size:
    bits, degree = sum(part.bits for part in parts), sum(part.degree for part in parts)
    if (values := _values(parts)) is not None and bits <= 2 * MOST_BITS:
        return _exact(math.prod(values, start=Fraction(1)))
    terms = math.prod(part.terms for part in parts)
    return Size(bits, degree, min(terms, _monomials(degree, variables)))


def _negative(parts: list[Size], variables: int) -> Size:
    (part,) = parts
    value = None if part.value is None else -part.value
    return Size(part.bits, part.degree, part.terms, value)


def _quotient(parts: list[Size], variables: int) -> Size:
    above, below = parts
    if below.value == 0:
        raise ValueError("the expression divides by 0")
    inverse = None if below.value is None else 1 / below.value
    return _product([above, Size(below.bits, below.degree, below.terms, inverse)], variables)


def _power(parts: list[Size], variables: int) -> Size:
    base, exponent = parts
    if exponent.value is None:
        return _growing(base, exponent)
    if base.value is not None and abs(base.value) in (0, 1) and exponent.value.denominator == 1:
        return _power_of_unit(base.value, exponent.value)
    if exponent.value.denominator > LARGEST_ROOT:
        raise LimitExceeded(f"a root has a degree above {LARGEST_ROOT}")
    if abs(exponent.value) > MOST_BITS:
        raise LimitExceeded("an exponent is too large")
    times = abs(exponent.value)
    size = _check(Size(base.bits * float(times), base.degree * float(times)))
    if base.value is not None and times.denominator == 1:
        return _exact(base.value**exponent.value.numerator)
    terms = min(_multiset(base.terms, math.ceil(times)), _monomials(size.degree, variables))
    return Size(size.bits, size.degree, terms)


def _root(parts: list[Size], variables: int) -> Size:
    return _power([parts[0], _quotient([_exact(Fraction(1)), parts[1]], variables)], variables)


def _power_of_unit(base: Fraction, exponent: Fraction) -> Size:
    if base == 0 and exponent < 0:
        raise ValueError("the expression divides by 0")
    return _exact(Fraction(1) if exponent == 0 else base ** (2 - exponent.numerator % 2))


def _growing(base: Size, exponent: Size) -> Size:
    """A power whose exponent has no exact value: the exponent is below 2**(its bits)."""
    most = SHIFT_BITS if exponent.degree else math.log2(MOST_BITS)
    if exponent.bits > most:
        raise LimitExceeded("an exponent is too large")
    bits = base.bits if exponent.degree else base.bits * 2**exponent.bits
    return Size(bits, base.degree + exponent.degree, base.terms)


def _exponential(parts: list[Size], variables: int) -> Size:
    return _growing(Size(1.45), parts[0])  # log2(e) is 1.4427


def _factorial(parts: list[Size], variables: int) -> Size:
    (part,) = parts
    n = part.value
    if n is not None and n.denominator == 1 and 0 <= n <= LARGEST_FACTORIAL:
        return _exact(Fraction(math.factorial(n.numerator)))
    if part.bits > (SHIFT_BITS if part.degree else math.log2(LARGEST_FACTORIAL)):
        raise LimitExceeded(f"a factorial has an argument above {LARGEST_FACTORIAL}")
    return Size(MOST_BITS / 2 if not part.degree else part.bits, part.degree)


def _binomial(parts: list[Size], variables: int) -> Size:
    n, k = parts
    if n.value is not None and k.value is not None and n.value.denominator == 1:
        return _exact_binomial(n.value.numerator, k.value)
    if max(n.bits, k.bits) > SHIFT_BITS:
        raise LimitExceeded("a binomial coefficient has too large an argument")
    return Size(max(n.bits, k.bits), n.degree + k.degree)


def _exact_binomial(n: int, k: Fraction) -> Size:
    if not (n >= 0 and 0 <= k <= n and k.denominator == 1):
        return Size(max(n.bit_length(), SHIFT_BITS))
    fewer = min(k.numerator, n - k.numerator)
    _check(Size(fewer * max(1.0, math.log2(n + 1) - math.log2(fewer + 1) + 2)))
    return _exact(Fraction(math.comb(n, fewer)))


def _function(parts: list[Size], variables: int) -> Size:
    """Any other function, comparison or list: no larger than its arguments."""
    bits = max((part.bits for part in parts), default=1)
    return Size(bits, max((part.degree for part in parts), default=0))


def _multiset(terms: float, power: int) -> float:
    """The number of terms of a sum of `terms` terms raised to `power`."""
    few = min(terms - 1, power)
    return math.comb(int(power + terms - 1), int(few)) if few < 1_000 else math.inf


def _monomials(degree: float, variables: int) -> float:
    """The number of monomials of a polynomial of this degree in so many variables."""
    few = min(degree, variables)
    return math.comb(math.ceil(degree) + variables, int(few)) if few < 1_000 else math.inf


_MEASURES: dict[str, Callable[[list[Size], int], Size]] = {
    **{"+": _sum, "*": _product, "-": _negative, "/": _quotient, "**": _power},
    **{"exp": _exponential, "factorial": _factorial, "gamma": _factorial, "binomial": _binomial},
    "root": _root,
    **dict.fromkeys(("sinh", "cosh", "tanh"), _exponential),
}

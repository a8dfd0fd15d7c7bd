"""Zeros of functions of one variable: all roots of a polynomial, others by numerical search.

A root is exact if it can be written with square roots or one other root. Any other root of a
polynomial over the rationals is rounded: a sympy Float, or a sum of two if it is complex.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.shipped.algebra.symbolic import decimal, write

LARGEST_EXACT_DEGREE = 8  # of an irreducible factor that is solved exactly
LARGEST_DEGREE = 40  # larger degrees take seconds
DIGITS = 20  # of rounded roots, which are shown with 15
SEARCHED = 20  # the search covers -20 to 20
STEPS = 400
BISECTIONS = 60  # from an interval of 0.1 to more than 15 digits
SMALL = 1e-9  # largest value at a zero; at a jump the value is larger


def polynomial_roots(polynomial: Any) -> list[tuple[Any, int]] | None:
    """All roots with their multiplicities, the real ones first in ascending order.

    `polynomial` is a sympy Poly in one generator. Returns None if its coefficients contain names
    and its roots have no short formula.
    """
    if polynomial.degree() > LARGEST_DEGREE:
        raise LimitExceeded(f"the degree {polynomial.degree()} is above {LARGEST_DEGREE}")
    _, factors = polynomial.factor_list()
    all_roots: list[tuple[Any, int]] = []
    for factor, times in factors:
        roots_of_factor = _factor_roots(factor)
        if roots_of_factor is None:
            return None
        all_roots += [(root, times) for root in roots_of_factor]
    return sorted(all_roots, key=lambda root: sort_key(root[0]))


def real_roots(polynomial: Any) -> list[Any]:
    """The distinct real roots of a polynomial with real coefficients, ascending."""
    return [root for root, _ in polynomial_roots(polynomial) or [] if not is_complex(root)]


def search(expression: Any, x: Any) -> list[Any]:
    """The zeros from -20 to 20 where a real function changes its sign without a jump."""
    import sympy

    def value(point: Any) -> Any:
        result = expression.evalf(30, subs={x: point})
        return result if result.is_Float or result == 0 else sympy.nan  # 0 is an Integer

    points = [sympy.Rational(2 * SEARCHED * k, STEPS) - SEARCHED for k in range(STEPS + 1)]
    values = [value(point) for point in points]
    zeros = [point for point, y in zip(points, values, strict=True) if y == 0]
    for k in range(STEPS):
        if (values[k] * values[k + 1]).is_negative:
            zeros.append(_bisect(value, points[k], points[k + 1]))
    return [point for point in sorted(zeros) if abs(value(point)) < SMALL]


def write_root(root: Any) -> str:
    """The text of a root: `sqrt(2) ≈ 1.4142135623731`; a rounded root begins with ≈."""
    if is_rounded(root):
        return f"≈ {decimal(root)}"
    is_irrational = root.is_number and not root.is_rational and root.is_real
    return f"{write(root)} ≈ {decimal(root)}" if is_irrational else write(root)


def is_rounded(root: Any) -> bool:
    """Whether a root is a rounded number."""
    import sympy

    return bool(root.has(sympy.Float, sympy.polys.rootoftools.ComplexRootOf))


def is_complex(root: Any) -> bool:
    """Whether a number is not real; False for an expression with names."""
    return sort_key(root)[0]


def sort_key(root: Any) -> tuple[bool, float, float]:
    """Sort key: real numbers first, ascending; expressions with names keep their order."""
    value = root.evalf()
    if not value.is_number:
        return (False, 0.0, 0.0)
    real, imaginary = (float(part) for part in value.as_real_imag())
    return (abs(imaginary) > SMALL * max(1.0, abs(real)), real, imaginary)


def _bisect(value: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """The sign change between `low` and `high`, rounded to 15 digits."""
    import sympy

    value_at_low = value(low)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if (value_at_low * value(middle)).is_negative:
            high = middle
        else:
            low = middle
    return sympy.Float(low, 15)


def _factor_roots(factor: Any) -> list[Any] | None:
    import sympy

    if factor.degree() <= LARGEST_EXACT_DEGREE or len(factor.terms()) == 2:
        exact = sympy.roots(factor, cubics=False, quartics=False)
        if sum(exact.values()) == factor.degree():
            return list(exact)
    if not factor.domain.is_ZZ and not factor.domain.is_QQ:
        return None
    return _rounded_roots(factor)


def _rounded_roots(factor: Any) -> list[Any]:
    """All roots of an irreducible polynomial as Floats; the number of real ones is exact."""
    import sympy

    rounded = sorted(factor.nroots(n=DIGITS, maxsteps=200), key=lambda root: abs(sympy.im(root)))
    real = factor.count_roots()
    return [sympy.re(root) for root in rounded[:real]] + rounded[real:]

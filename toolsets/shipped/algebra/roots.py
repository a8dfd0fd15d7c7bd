"""Where a function of one variable is 0: polynomials completely, others by searching.

A root is exact where it can be written with square roots or one other root. Any other root of a
polynomial over the rationals is rounded: a sympy Float, or a sum of two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.shipped.algebra.symbolic import Expression, Variable, build, decimal, write
from toolsets.tools.decorator import tool

LARGEST_EXACT_DEGREE = 8  # of an irreducible factor whose roots are sought as formulas
LARGEST_DEGREE = 40  # seconds of work beyond
DIGITS = 20  # of rounded roots, before they are written with 15
SEARCHED = 20  # a search goes from minus this to this
STEPS = 400
BISECTIONS = 60  # from a tenth to beyond 15 digits
SMALL = 1e-9  # a value at a zero; at a jump it is larger


@tool
def roots(polynomial: Expression, variable: Variable) -> str:
    """Find all roots of a polynomial, also complex ones, with their multiplicity.

    Example:
        roots(polynomial="x**3 - 3*x + 2", variable="x")
    """
    import sympy

    expression = build(polynomial, [variable])
    x = sympy.Symbol(variable)
    if not expression.is_polynomial(x) or not expression.has(x):
        raise ValueError(f"expected a polynomial in {variable}")
    found = polynomial_roots(sympy.Poly(expression, x))
    if found is None:
        raise ValueError("the roots cannot be written down exactly")
    times = {1: "", 2: " (twice)"}
    return ", ".join(f"{write_root(r)}{times.get(n, f' ({n} times)')}" for r, n in found)


def polynomial_roots(polynomial: Any) -> list[tuple[Any, int]] | None:
    """All roots with their multiplicities, the real ones first in ascending order.

    `polynomial` is a sympy Poly in one generator; None where its coefficients hold names and there
    is no short formula.
    """
    if polynomial.degree() > LARGEST_DEGREE:
        raise LimitExceeded(f"the degree {polynomial.degree()} is above {LARGEST_DEGREE}")
    _, factors = polynomial.factor_list()
    found: list[tuple[Any, int]] = []
    for factor, times in factors:
        some = _factor_roots(factor)
        if some is None:
            return None
        found += [(root, times) for root in some]
    return sorted(found, key=lambda root: sort_key(root[0]))


def real_roots(polynomial: Any) -> list[Any]:
    """The different real roots of a polynomial with real number coefficients, ascending."""
    return [root for root, _ in polynomial_roots(polynomial) or [] if not is_complex(root)]


def search(expression: Any, x: Any) -> list[Any]:
    """The places from -20 to 20 where a real function changes its sign without a jump."""
    import sympy

    def value(place: Any) -> Any:
        found = expression.evalf(30, subs={x: place})
        return found if found.is_Float or found == 0 else sympy.nan  # 0 comes as an Integer

    places = [sympy.Rational(2 * SEARCHED * k, STEPS) - SEARCHED for k in range(STEPS + 1)]
    values = [value(place) for place in places]
    found = [place for place, here in zip(places, values, strict=True) if here == 0]
    for k in range(STEPS):
        if (values[k] * values[k + 1]).is_negative:
            found.append(_bisect(value, places[k], places[k + 1]))
    return [place for place in sorted(found) if abs(value(place)) < SMALL]


def _bisect(value: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """The place between two of different sign, rounded to 15 digits."""
    import sympy

    below = value(low)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if (below * value(middle)).is_negative:
            high = middle
        else:
            low = middle
    return sympy.Float(low, 15)


def write_root(root: Any) -> str:
    """An exact root as it is, any other rounded."""
    return f"≈ {decimal(root)}" if is_rounded(root) else write(root)


def is_rounded(root: Any) -> bool:
    """Whether a root is written as a decimal."""
    import sympy

    return bool(root.has(sympy.Float, sympy.polys.rootoftools.ComplexRootOf))


def is_complex(root: Any) -> bool:
    """Whether a number is not real; False for what holds names."""
    return sort_key(root)[0]


def sort_key(root: Any) -> tuple[bool, float, float]:
    """Real numbers first, ascending; what holds names stays where it is."""
    value = root.evalf()
    if not value.is_number:
        return (False, 0.0, 0.0)
    real, imaginary = (float(part) for part in value.as_real_imag())
    return (abs(imaginary) > SMALL * max(1.0, abs(real)), real, imaginary)


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
    """All roots of an irreducible polynomial as Floats; how many are real is counted exactly."""
    import sympy

    found = sorted(factor.nroots(n=DIGITS, maxsteps=200), key=lambda root: abs(sympy.im(root)))
    real = factor.count_roots()
    return [sympy.re(root) for root in found[:real]] + found[real:]

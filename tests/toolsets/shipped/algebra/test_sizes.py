"""Size estimates: never too small, and exact for rational numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import read
from toolsets.shipped.algebra.sizes import check_result, measure, whole_number
from toolsets.shipped.algebra.symbolic import LANGUAGE, build


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2^10 - 24", 1000),
        ("1/3 + 1/6", Fraction(1, 2)),
        ("5!/3!", 20),
        ("binomial(6, 2)", 15),
        ("(1/2)^-3", 8),
        ("(-1)^1000001", -1),
        ("0^0", 1),
        ("sqrt(4)", None),
        ("x", None),
    ],
)
def test_a_rational_number_has_an_exact_value(text: str, value: object) -> None:
    assert measure(read(text, LANGUAGE)).value == value


@pytest.mark.parametrize(
    ("text", "degree", "terms"),
    [
        ("x + 1", 1, 2),
        ("(x + 1)^10", 10, 11),
        ("(x + 1)(x + 2)(x + 3)", 3, 4),
        ("(x + y)^2", 2, 3),
        ("(x + y + z)^3", 3, 10),
        ("x^2*y^3", 5, 1),
    ],
)
def test_degree_and_terms_are_estimated(text: str, degree: int, terms: int) -> None:
    size = measure(read(text, LANGUAGE))
    assert (size.degree, size.terms) == (degree, terms)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=4), st.integers(1, 8))
def test_an_expansion_stays_below_its_estimate(numbers: list[int], power: int) -> None:
    text = f"({' + '.join(f'({n})x^{k}*y' for k, n in enumerate(numbers))} + 1)^{power}"
    size = measure(read(text, LANGUAGE))
    expanded = sympy.Poly(build(read(text, LANGUAGE)).expand(), *sympy.symbols("x y"))
    assert len(expanded.terms()) <= size.terms
    assert expanded.total_degree() <= size.degree
    assert max(abs(int(c)).bit_length() for c in expanded.coeffs()) <= size.bits + 1


def test_an_expression_may_give_a_whole_number() -> None:
    assert whole_number(read("2^61 - 1", LANGUAGE)) == 2**61 - 1
    with pytest.raises(ValueError, match="expected a whole number"):
        whole_number(read("1/2", LANGUAGE))


@pytest.mark.parametrize(
    "text", ["exp(exp(10))", "2^(x + 10^9)", "e^e^e^100", "2^(100*sqrt(10^4))"]
)
def test_an_exponent_without_an_exact_value_is_limited_too(text: str) -> None:
    with pytest.raises(LimitExceeded, match="an exponent is too large"):
        measure(read(text, LANGUAGE))


def test_the_largest_number_has_a_thousand_digits() -> None:
    assert measure(read("10^999", LANGUAGE)).value == 10**999
    with pytest.raises(LimitExceeded, match="a number has more than 1,000 digits"):
        measure(read("10^1000", LANGUAGE))


def test_the_size_of_a_result_is_checked() -> None:
    x = sympy.Symbol("x")
    with pytest.raises(LimitExceeded, match="more than 3,000 parts"):
        check_result(sympy.Add(*(x**k for k in range(2_000))))
    with pytest.raises(LimitExceeded, match="more than 1,000 digits"):
        check_result(x + sympy.Integer(10) ** 1_000)
    with pytest.raises(ValueError, match="it divides by 0"):
        check_result(sympy.zoo + x)

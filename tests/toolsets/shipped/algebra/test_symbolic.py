"""Conversion between text and sympy: constants, names, decimals."""

from __future__ import annotations

import pytest
import sympy

from toolsets.shipped.algebra.symbolic import (
    build,
    decimal,
    read_expression,
    read_name,
    read_names,
    read_relations,
)

x = sympy.Symbol("x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pi + π", 2 * sympy.pi),
        ("e^x", sympy.exp(x)),
        ("E", sympy.E),
        ("i^2", -1),
        ("oo", sympy.oo),
        ("0.1x", x / 10),
        ("3ab - 2ba", sympy.Symbol("a") * sympy.Symbol("b")),
        ("sqrt(2) ≈ 1.4142135623731", sympy.sqrt(2)),
        ("≈ 0.333333333333333", sympy.Rational(1, 3)),
        ("round(2.5) + round(-2.5) + round(3.14159, 2)", sympy.Rational("3.14")),
        ("2xy + y + x", 2 * x * sympy.Symbol("y") + sympy.Symbol("y") + x),
        ("log(8, 2) + ln(1)", 3),
        ("root(-8, 3) + cbrt(27)", 1),
        ("min(1, 2) + max(1, 2)", 3),
        ("7 // 2 + 7 % 2", 4),
        ("x!", sympy.factorial(x)),
        (0.5, sympy.Rational(1, 2)),
        (7, 7),
    ],
)
def test_text_becomes_a_sympy_expression(text: object, expected: object) -> None:
    assert build(read_expression(text)) == expected


def test_a_declared_name_is_not_a_constant() -> None:
    assert build(read_expression("i + e"), ["i", "e"]) == sympy.Symbol("i") + sympy.Symbol("e")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (sympy.Rational(1, 3), "0.333333333333333"),
        (sympy.sqrt(2), "1.4142135623731"),  # ...3730950: the 15th digit is 0
        (sympy.Integer(10) ** 20, "100000000000000000000"),
        (2 * sympy.I, "2*I"),
        (1 - sympy.I / 2, "1 - 0.5*I"),
        (-sympy.I, "-1*I"),
    ],
)
def test_a_number_is_written_with_fifteen_digits(value: sympy.Expr, text: str) -> None:
    assert decimal(value) == text


@pytest.mark.parametrize("value", [x, sympy.oo, sympy.nan])
def test_only_finite_numbers_have_a_decimal(value: sympy.Expr) -> None:
    with pytest.raises(ValueError, match="the expression is not a number"):
        decimal(value)


def test_names_are_parsed_from_text_or_a_list() -> None:
    assert read_names("x, y") == read_names(["x", "y"]) == ["x", "y"]
    assert read_name("x") == "x"
    for invalid in ("x, x", "2x", "", [], ["x", 3]):
        with pytest.raises(ValueError, match=r"expected (names|a number or a name)"):
            read_names(invalid)
    with pytest.raises(ValueError, match="expected one name such as x"):
        read_name("x, y")


def test_relations_are_parsed_from_text_or_a_list_and_chains_are_split() -> None:
    assert read_relations("x = 1, y = 2") == read_relations(["x = 1", "y = 2"])
    assert read_relations("1 < x < 3") == read_relations("1 < x and x < 3")
    assert len(read_relations("1 < x < 3; x^2")) == 3

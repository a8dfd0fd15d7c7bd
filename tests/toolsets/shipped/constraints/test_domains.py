"""Domains of variables, in the forms that models write."""

from __future__ import annotations

from fractions import Fraction

import pytest

from toolsets.shipped.constraints.domains import Domain, read_domains


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("int", Domain("whole")),
        ("Integer", Domain("whole")),
        ("real", Domain("real")),
        ("bool", Domain("truth")),
        ("int 0..9", Domain("whole", Fraction(0), Fraction(9))),
        ("0..9", Domain("whole", Fraction(0), Fraction(9))),
        ("0-9", Domain("whole", Fraction(0), Fraction(9))),
        ("-5 to 5", Domain("whole", Fraction(-5), Fraction(5))),
        ("integer from 1 to 6", Domain("whole", Fraction(1), Fraction(6))),
        ("int in [1, 6]", Domain("whole", Fraction(1), Fraction(6))),
        ("real 0..1", Domain("real", Fraction(0), Fraction(1))),
        ("0.0..1.0", Domain("real", Fraction(0), Fraction(1))),
        ("between 1 and 6", Domain("whole", Fraction(1), Fraction(6))),
        ("range(1, 10)", Domain("whole", Fraction(1), Fraction(9))),
        ("int range(10)", Domain("whole", Fraction(0), Fraction(9))),
        ("1 <= x <= 10", Domain("whole", Fraction(1), Fraction(10))),
        ("New York, Boston", Domain("name", values=("New York", "Boston"))),
        (["9 am", "10 am"], Domain("name", values=("9 am", "10 am"))),
        ("0.5..1", Domain("real", Fraction(1, 2), Fraction(1))),
        ("int >= 0", Domain("whole", Fraction(0), None)),
        ("real <= 2.5", Domain("real", None, Fraction(5, 2))),
        ("red, green", Domain("name", values=("red", "green"))),
        ("{red, green}", Domain("name", values=("red", "green"))),
        ("red | green", Domain("name", values=("red", "green"))),
        (["red", "green"], Domain("name", values=("red", "green"))),
        ([1, 4, 9], Domain("whole", values=(Fraction(1), Fraction(4), Fraction(9)))),
        ("1, 4, 9", Domain("whole", values=(Fraction(1), Fraction(4), Fraction(9)))),
        ([0.5, 1], Domain("real", values=(Fraction(1, 2), Fraction(1)))),
    ],
)
def test_a_domain_is_parsed(written: object, domain: Domain) -> None:
    assert read_domains({"x": written}) == {"x": domain}


def test_several_variables_share_a_domain() -> None:
    assert list(read_domains({"x, y": "int", "z w": "bool"})) == ["x", "y", "z", "w"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, "expected variables with their domains"),
        ("x", "expected variables with their domains"),
        ({"x": "something"}, "the domain of x is not valid"),
        ({"x": ""}, "the domain of x is not valid"),
        ({"x": []}, "the domain of x is not valid"),
        ({"x": None}, "the domain of x is not valid"),
        ({"x": ["red", 3]}, "the domain of x is not valid"),
        ({"x": "bool 0..1"}, "the domain of x has bounds and must begin with int or real"),
        ({"x": "(0, 1)"}, "the domain of x can be read in two ways"),
        ({"x": "int [0, 1)"}, "the domain of x can be read in two ways"),
        ({"x": "1 and 6"}, "the domain of x is not valid"),
        ({"x": "0 < x, x < 10"}, "the domain of x is not valid"),
        ({"x": "int 1,000..2,000"}, "the domain of x is not valid"),
        ({"x": "range(3, 3)"}, "the domain of x is an empty range"),
        ({"x": "true, red"}, "true is a reserved word"),
        ({"2x": "int"}, "'2x' cannot be the name of a variable"),
        ({"and": "int"}, "and is a reserved word"),
        ({"x": "int", "x, y": "int"}, "variable x is declared twice"),
        ({"red": "int", "x": "red, green"}, "red is both a variable and a value"),
    ],
)
def test_an_invalid_declaration_raises_value_error(written: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_domains(written)


@pytest.mark.parametrize(
    ("domain", "description"),
    [
        (Domain("whole"), "x is a whole number"),
        (Domain("whole", Fraction(0), Fraction(9)), "x is from 0 to 9"),
        (Domain("real", Fraction(1, 2)), "x is at least 0.5"),
        (Domain("real", None, Fraction(2)), "x is at most 2"),
        (Domain("name", values=("red", "green")), "x is one of red, green"),
    ],
)
def test_a_domain_is_described_in_words(domain: Domain, description: str) -> None:
    assert domain.describe("x") == description

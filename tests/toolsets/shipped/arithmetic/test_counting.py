"""Combinations and permutations, against `math` and enumeration."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.shipped import texts
from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC, result


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("combinations(n=5, k=2)", "10"),
        ("combinations(n=2, k=5)", "0"),
        ("combinations(n=0, k=0)", "1"),
        ("combinations(n=52, k=5)", "2598960"),
        ("combinations(n='49', k=6.0)", "13983816"),
        ("combinations(n=1000000000000, k=2)", "499999999999500000000000"),
        ("combinations(n=1000000000000, k=999999999999)", "1000000000000"),
        ("permutations(n=5, k=2)", "20"),
        ("permutations(n=5, k=5)", "120"),
        ("permutations(n=5, k=7)", "0"),
        ("permutations(n=7, k=0)", "1"),
    ],
)
def test_choices_are_counted(text: str, content: str) -> None:
    assert result(text).content == content


@pytest.mark.parametrize("name", ["combinations", "permutations"])
@pytest.mark.parametrize(
    ("arguments", "message", "kind"),
    [
        ("n=5, k=2.5", "k must be a whole number, 0 or more, got 2.5", "function_error"),
        ("n=-1, k=0", "n must be a whole number, 0 or more, got -1", "function_error"),
        ("n=5, k=-2", "k must be a whole number, 0 or more, got -2", "function_error"),
        ("n=5", "argument k is missing", "bad_arguments"),
        ("n=1000000000000, k=500000000000", "more than 1,000 digits", "limit_exceeded"),
        ("n=100000, k=50000", "more than 1,000 digits", "limit_exceeded"),
    ],
)
def test_bad_counts_are_refused(name: str, arguments: str, message: str, kind: str) -> None:
    failed = texts.failure(ARITHMETIC, f"{name}({arguments})")
    assert failed[0] == kind
    assert message in failed[1]


@given(st.integers(0, 300), st.integers(0, 300))
def test_counts_agree_with_python(n: int, k: int) -> None:
    assert ARITHMETIC["combinations"](Fraction(n), Fraction(k)) == math.comb(n, k)
    assert ARITHMETIC["permutations"](Fraction(n), Fraction(k)) == math.perm(n, k)


def test_counts_agree_with_enumeration() -> None:
    for n, k in itertools.product(range(7), range(7)):
        ways = len(list(itertools.combinations(range(n), k)))
        rows = len(list(itertools.permutations(range(n), k)))
        assert ARITHMETIC["combinations"](Fraction(n), Fraction(k)) == ways
        assert ARITHMETIC["permutations"](Fraction(n), Fraction(k)) == rows

"""Congruences, by trying all remainders and against sympy."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.ntheory import modular

import toolsets
from tests.toolsets.shipped import texts

ALGEBRA = toolsets.load("algebra")
result, failure = partial(texts.result, ALGEBRA), partial(texts.failure, ALGEBRA)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("solve_congruence(3, 4, 7)", "x = 6 + 7*n for every whole number n"),
        ("solve_congruence(2, 4, 10)", "x = 2 + 5*n for every whole number n"),
        ("solve_congruence(2, 3, 10)", "no solution"),
        ("solve_congruence(0, 5, 5)", "every whole number x"),
        ("solve_congruence(0, 4, 5)", "no solution"),
        ("solve_congruence(-3, -100, 7)", "x = 3 + 7*n for every whole number n"),
        ("solve_congruence(1, 0, 7)", "x = 7*n for every whole number n"),
        ("solve_congruence('2^10', '3!', 1)", "every whole number x"),
        ("chinese_remainder([2, 3, 2], [3, 5, 7])", "x = 23 + 105*n for every whole number n"),
        ("chinese_remainder([1, 3], [4, 6])", "x = 9 + 12*n for every whole number n"),
        ("chinese_remainder([1, 2], [4, 6])", "no solution"),
        ("chinese_remainder([5], [1])", "every whole number x"),
        ("chinese_remainder([-1, 14], [3, 5])", "x = 14 + 15*n for every whole number n"),
    ],
)
def test_congruences_are_solved(text: str, content: str) -> None:
    assert result(text).content == content


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("solve_congruence(3, 4, 0)", "modulus must be at least 1, got 0"),
        ("solve_congruence(3, 4, -7)", "modulus must be at least 1, got -7"),
        ("solve_congruence(2.5, 4, 7)", "expected a whole number, got 2.5"),
        ("solve_congruence('3x', 4, 7)", "expected a whole number, got '3x'"),
        ("chinese_remainder([1, 2], [4])", "each remainder needs its modulus, got 2 remainders"),
        ("chinese_remainder([], [])", "each remainder needs its modulus"),
        ("chinese_remainder([5], [0])", "each of the moduli must be at least 1, got 0"),
        ("chinese_remainder([1, 2], ['10^800', '3^900'])", "more than 1,000 digits"),
        ("solve_congruence(1, 2, '10^1001')", "more than 1,000 digits"),
    ],
)
def test_bad_congruences_are_refused(text: str, message: str) -> None:
    assert message in failure(text)[1]


def solutions(content: str, below: int) -> list[int]:
    """The solutions from 0 to `below` that a result states."""
    if content == "no solution":
        return []
    if content == "every whole number x":
        return list(range(below))
    start, _, period = content.removeprefix("x = ").partition("*n")[0].rpartition(" + ")
    return list(range(int(start or 0), below, int(period)))


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 40))
def test_a_congruence_has_the_solutions_found_by_trying(a: int, b: int, modulus: int) -> None:
    found = solutions(ALGEBRA["solve_congruence"](a, b, modulus), modulus)
    assert found == [x for x in range(modulus) if (a * x - b) % modulus == 0]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-9, 30), st.integers(1, 12)), min_size=1, max_size=4))
def test_a_system_agrees_with_sympy(pairs: list[tuple[int, int]]) -> None:
    content = ALGEBRA["chinese_remainder"]([r for r, _ in pairs], [m for _, m in pairs])
    expected = modular.solve_congruence(*pairs)
    if expected is None:
        assert content == "no solution"
    else:
        x, period = (int(value) for value in expected)
        assert solutions(content, 2 * period) == [x, x + period]

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.statistics import Paired, paired, wilson

Z = 1.959963984540054  # of the normal distribution, two-sided 95%
OUTCOMES = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17, Table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_agrees_with_published_values(
    correct: int, total: int, low: float, high: float
) -> None:
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)


def test_wilsons_interval_agrees_with_the_formula() -> None:
    """(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), for 7 of 10."""
    p, n = 0.7, 10
    middle = p + Z**2 / (2 * n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n * n))
    expected = ((middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n))
    assert wilson(7, 10) == pytest.approx(expected, abs=1e-12)


def test_no_measurements_give_the_widest_interval() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert paired([], []) == Paired(0.0, (0.0, 0.0), 0, 0, 1.0)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_contains_the_share_and_is_symmetric(case: tuple[int, int]) -> None:
    correct, total = case
    low, high = wilson(correct, total)
    assert 0 <= low <= correct / total + 1e-12
    assert correct / total - 1e-12 <= high <= 1
    assert wilson(total - correct, total) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def _outcomes(both: int, gained: int, lost: int, neither: int) -> tuple[list[bool], list[bool]]:
    before = [True] * both + [False] * gained + [True] * lost + [False] * neither
    after = [True] * both + [True] * gained + [False] * lost + [False] * neither
    return before, after


@pytest.mark.parametrize(
    ("gained", "lost", "p_value"),
    [
        (9, 1, 22 / 1024),  # 2 * (C(10,0) + C(10,1)) / 2^10
        (8, 2, 112 / 1024),  # 2 * (1 + 10 + 45) / 2^10
        (5, 5, 1.0),
        (0, 6, 2 / 64),
        (1, 0, 1.0),
    ],
)
def test_the_p_value_is_mcnemars_exact_one(gained: int, lost: int, p_value: float) -> None:
    result = paired(*_outcomes(20, gained, lost, 30))
    assert (result.gained, result.lost) == (gained, lost)
    assert result.p_value == pytest.approx(p_value)
    assert result.gain == pytest.approx((gained - lost) / (50 + gained + lost))


def test_without_a_change_there_is_no_gain_and_no_evidence() -> None:
    result = paired(*_outcomes(3, 0, 0, 4))
    assert (result.gain, result.ci95, result.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_the_bootstrap_interval_is_close_to_the_normal_one_for_many_problems() -> None:
    """Variance of the mean change: (g + l - (g - l)^2) / n for shares g, l of n problems."""
    result = paired(*_outcomes(100, 150, 50, 200))
    n, g, lost = 500, 0.3, 0.1
    half = Z * math.sqrt((g + lost - (g - lost) ** 2) / n)
    assert result.gain == pytest.approx(0.2)
    assert result.ci95 == pytest.approx((0.2 - half, 0.2 + half), abs=0.004)


@given(OUTCOMES)
def test_an_interval_contains_the_gain_and_swapping_sides_negates_it(
    outcomes: list[tuple[bool, bool]],
) -> None:
    before, after = [first for first, _ in outcomes], [second for _, second in outcomes]
    result, mirrored = paired(before, after), paired(after, before)
    assert result.ci95[0] - 1e-9 <= result.gain <= result.ci95[1] + 1e-9
    assert (result.gained, result.lost) == (mirrored.lost, mirrored.gained)
    assert result.p_value == pytest.approx(mirrored.p_value)
    assert result.gain == pytest.approx(-mirrored.gain)


def test_the_interval_is_deterministic() -> None:
    outcomes = _outcomes(10, 9, 4, 12)
    assert paired(*outcomes) == paired(*outcomes)

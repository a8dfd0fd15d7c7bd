from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.statistics import Paired, holm, paired, share_interval, tango, wilson

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
    assert paired([], []) == Paired(0.0, (-1.0, 1.0), 0, 0, 1.0, 0)
    assert share_interval([]) == (0.0, 1.0)


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
    assert (result.gain, result.p_value) == (0.0, 1.0)
    bound = Z**2 / (7 + Z**2)  # Tango's interval without a change
    assert result.ci95 == pytest.approx((-bound, bound))


@pytest.mark.parametrize(
    ("gained", "lost", "n", "low", "high"),
    [
        (1, 7, 21, -0.517, -0.026),  # Fagerland et al. 2014, Statistics in Medicine 33, Table VI
        (7, 1, 21, 0.026, 0.517),
    ],
)
def test_tangos_interval_agrees_with_published_values(
    gained: int, lost: int, n: int, low: float, high: float
) -> None:
    assert [float(bound) for bound in tango(gained, lost, n)] == pytest.approx(
        [low, high], abs=5e-4
    )


def test_four_gained_and_none_lost_is_no_evidence_and_the_interval_contains_zero() -> None:
    result = paired(*_outcomes(50, 4, 0, 46))
    assert (result.p_value, result.significant) == (pytest.approx(0.125), False)
    assert tango(4, 0, 100)[0] > 0  # by itself it would exclude zero
    assert result.ci95 == (0.0, pytest.approx(0.0984, abs=1e-4))
    six = paired(*_outcomes(50, 6, 0, 44))
    assert (six.p_value, six.significant) == (pytest.approx(2 / 64), True)
    assert six.ci95[0] > 0


@pytest.mark.parametrize("samples", [1, 2, 3, 8, 100])
def test_copies_of_a_chain_are_no_further_evidence(samples: int) -> None:
    before, after = [0] * 100, [1] * 3 + [0] * 97
    copied = [sum([share] * samples) / samples for share in after]
    result = paired(before, copied, samples)
    assert result == paired(before, after)
    assert result.p_value == pytest.approx(0.25)
    assert share_interval(copied, samples) == pytest.approx(wilson(3, 100))


def test_independent_chains_make_intervals_narrower_up_to_their_number() -> None:
    thirds = [Fraction(1, 4)] * 50 + [Fraction(3, 4)] * 50
    low, high = share_interval(thirds, 4)  # p(1 - p) = 1/4, variance of shares 1/16 * 100/99
    assert (low, high) == pytest.approx(wilson(0.5 * 396, 396), abs=1e-9)
    equal = [Fraction(1, 2)] * 100
    assert share_interval(equal, 4) == pytest.approx(wilson(200, 400))


def test_the_test_of_shares_counts_every_way_to_flip_the_signs() -> None:
    """Changes 3/4, 1/2, -1/4: the sum is 1; of eight sums +-3 +-2 +-1, in quarters, those of 4 and
    more are 6 and 4, and as many below."""
    result = paired([0, 0, 0.25], [0.75, 0.5, 0], 4)
    assert (result.gained, result.lost, result.gain) == (2, 1, pytest.approx(1 / 3))
    assert result.p_value == pytest.approx(4 / 8)


def test_the_test_is_the_same_for_shares_with_an_awkward_denominator() -> None:
    """Shares of 59, 61 and 64 chains have no small common denominator."""
    before = [Fraction(index, 59) for index in range(40)]
    after = [b + Fraction(1 if index % 3 else -1, 61) for index, b in enumerate(before)]
    assert paired(before, after, 64).p_value == pytest.approx(
        paired([0.5] * 40, [0.75 if index % 3 else 0.25 for index in range(40)], 4).p_value, rel=0.2
    )


def test_p_values_of_many_comparisons_are_corrected_as_holm_did() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_many_problems_are_compared_in_a_moment() -> None:
    shares = np.random.default_rng(0).binomial(8, 0.4, (2, 20_000)) / 8
    before, after = (row.tolist() for row in shares)
    assert 0 <= paired(before, after, 8).p_value <= 1
    wholly = paired([0.0] * 20_000, after, 8)
    assert 0 < wholly.p_value < 1e-9


def test_the_interval_is_close_to_the_normal_one_for_many_problems() -> None:
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

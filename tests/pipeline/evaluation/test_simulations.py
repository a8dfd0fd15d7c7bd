"""Coverage of each 95% interval and size of each test, over all outcomes or over seeded draws.

Where an interval must agree with an exact test, and the true gain is zero, it covers more than 97%
if few problems change: an exact test on few changes rejects less often than it may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import beta
from scipy.stats import binom, multinomial

from pipeline.evaluation.samples import several_samples
from pipeline.evaluation.statistics import Paired, holm, paired, share_interval, wilson

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], tuple[Array, Array]]
PAIRED, N, DRAWS = 40, 50, 1_000


def covers(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] - 1e-9 <= truth <= interval[1] + 1e-9


# One chain per problem: every outcome with its probability


@pytest.mark.parametrize("n", [100, 200, 1_000])
@pytest.mark.parametrize("truth", [0.1, 0.25, 0.4, 0.5, 0.65, 0.8, 0.9])
def test_wilsons_interval_covers_93_to_97_percent(n: int, truth: float) -> None:
    chances = binom.pmf(np.arange(n + 1), n, truth)
    covered = sum(p for k, p in enumerate(chances) if covers(wilson(k, n), truth))
    assert 0.93 <= covered <= 0.97


@cache
def every_comparison() -> list[tuple[int, int, Paired]]:
    """All outcomes of PAIRED paired problems."""
    return [
        (
            up,
            down,
            paired(
                [0] * up + [1] * down + [0] * (PAIRED - up - down), [1] * up + [0] * (PAIRED - up)
            ),
        )
        for up in range(PAIRED + 1)
        for down in range(PAIRED + 1 - up)
    ]


def weighted(up: float, down: float) -> Iterator[tuple[float, Paired]]:
    """The outcomes with their probability, if each problem is gained or lost with these."""
    found = every_comparison()
    counts = [(gained, lost, PAIRED - gained - lost) for gained, lost, _ in found]
    chances = multinomial.pmf(counts, PAIRED, [up, down, 1 - up - down])
    return zip(chances.tolist(), (result for _, _, result in found), strict=True)


@pytest.mark.parametrize(
    ("up", "down"),
    [(0.3, 0.1), (0.2, 0.05), (0.1, 0.02), (0.4, 0.3), (0.35, 0.02), (0.05, 0.4), (0.2, 0.25)],
)
def test_the_interval_of_a_gain_covers_93_to_97_percent(up: float, down: float) -> None:
    covered = sum(p for p, result in weighted(up, down) if covers(result.ci95, up - down))
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("change", [0.01, 0.05, 0.1, 0.2, 0.3, 0.45])
def test_the_exact_test_is_significant_by_chance_at_most_5_percent_of_the_time(
    change: float,
) -> None:
    size = sum(p for p, result in weighted(change, change) if result.significant)
    assert size <= 0.05
    covered = sum(p for p, result in weighted(change, change) if covers(result.ci95, 0))
    assert covered == pytest.approx(1 - size)


def test_the_interval_contains_zero_if_and_only_if_the_test_finds_nothing() -> None:
    for _, _, result in every_comparison():
        low, high = result.ci95
        assert result.significant == (low > 0 or high < 0)
        assert low - 1e-9 <= result.gain <= high + 1e-9


# Several chains per problem: seeded draws


@pytest.mark.parametrize("samples", [2, 4, 8])
@pytest.mark.parametrize(("a", "b"), [(4, 2), (0.5, 0.5), (2, 8), (0.3, 0.1), (50, 50), (9, 0.5)])
def test_the_interval_of_a_share_covers_93_to_97_percent(a: float, b: float, samples: int) -> None:
    random = np.random.default_rng(7)
    shares = random.binomial(samples, random.beta(a, b, (4 * DRAWS, N))) / samples
    covered = [covers(share_interval(row.tolist(), samples), a / (a + b)) for row in shares]
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.parametrize(("a", "b"), [(4, 2), (0.5, 0.5), (2, 8), (12, 12)])
@pytest.mark.parametrize(("key", "k"), [("pass_at", 2), ("pass_at", 4), ("majority_at", 2)])
def test_the_intervals_of_pass_and_majority_at_k_cover_93_to_97_percent(
    a: float, b: float, key: str, k: int
) -> None:
    """Majority of 2: the mean share. pass@k: 1 - E(1 - p)^k for p of a beta distribution."""
    random, samples = np.random.default_rng(5), 2 * k if key == "pass_at" else k
    truth = 1 - beta(a, b + k) / beta(a, b) if key == "pass_at" else a / (a + b)
    rows = [_problem(right, samples) for right in range(samples + 1)]
    covered = []
    for drawn in random.binomial(samples, random.beta(a, b, (DRAWS, N))):
        cell = several_samples([rows[right] for right in drawn], samples)[key][str(k)]
        covered.append(covers(cell["ci95"], truth))
    assert 0.93 <= np.mean(covered) <= 0.97


def _problem(right: int, samples: int) -> list[dict[str, Any]]:
    return [
        {"correct": index < right, "answer": "wrong", "sample_index": index}
        for index in range(samples)
    ]


def same(random: np.random.Generator, size: int) -> tuple[Array, Array]:
    chances = random.beta(0.7, 0.7, size)
    return chances, chances


def unlike(random: np.random.Generator, size: int) -> tuple[Array, Array]:
    return random.beta(2, 2, size), random.beta(2, 2, size)


def better(random: np.random.Generator, size: int) -> tuple[Array, Array]:
    chances = random.beta(2, 2, size)
    return chances, chances + 0.3 * (1 - chances)


def drawn(draw: Draw, samples: int) -> list[Paired]:
    random = np.random.default_rng(11)
    results = []
    for _ in range(DRAWS):
        before, after = (random.binomial(samples, p) / samples for p in draw(random, N))
        results.append(paired(before.tolist(), after.tolist(), samples))
    return results


@pytest.mark.parametrize(
    ("draw", "samples", "gain"),
    [(same, 8, 0), (unlike, 4, 0), (better, 4, 0.15)],
)
def test_comparisons_of_several_chains_keep_their_size_and_coverage(
    draw: Draw, samples: int, gain: float
) -> None:
    results = drawn(draw, samples)
    assert 0.93 <= np.mean([covers(result.ci95, gain) for result in results]) <= 0.97
    if not gain:
        assert np.mean([result.significant for result in results]) <= 0.055


def test_one_of_several_comparisons_is_significant_by_chance_at_most_5_percent_of_the_time() -> (
    None
):
    p_values = np.random.default_rng(3).random((4_000, 6))
    assert np.mean([min(holm(row.tolist())) < 0.05 for row in p_values]) <= 0.055

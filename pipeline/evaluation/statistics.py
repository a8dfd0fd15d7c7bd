"""Confidence intervals and significance tests for accuracies, with scipy and numpy.

A problem is the unit of every interval and test, never a chain: several chains of one problem are
one share. The percentile bootstrap over problems is not used: it cannot draw an outcome that never
occurred, so its 95% interval covered only 84 to 92% where most problems are solved.

scipy.stats takes over a second to import, so only the functions that use it import it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.05  # a p-value below it is significant; intervals are of 1 - LEVEL
Z = NormalDist().inv_cdf(1 - LEVEL / 2)
HALVINGS = 50  # of the range of a gain, so that a bound is exact to rounding
NEXT_TO_ZERO = 1e-9
TINY = 1e-300
FINEST = 120  # steps of a sign-flip test from share 0 to share 1, at most
LONGEST = 2**22  # its distribution, in steps
LEAST_P = 1e-12  # of a sign-flip test: convolutions are exact to about 1e-14

Share = bool | float | Fraction
"""The share of a problem's chains that are correct; with one chain, whether it is correct."""
Interval = tuple[float, float]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Paired:
    """One model against another on the same `n` problems; `gain` is a difference of accuracies,
    `gained` and `lost` count the problems whose share of correct chains rose or fell."""

    gain: float
    ci95: Interval
    gained: int
    lost: int
    p_value: float
    n: int = 0

    @property
    def significant(self) -> bool:
        """Whether the test finds a difference; then, and only then, `ci95` excludes zero."""
        return self.p_value < LEVEL


def wilson(correct: float, total: float) -> Interval:
    """Wilson's 95% score interval of a share (Wilson 1927); (0, 1) if `total` is 0."""
    if not total:
        return 0.0, 1.0
    share, square = correct / total, Z * Z / total
    middle = share + square / 2
    half = math.sqrt(square * (share * (1 - share) + square / 4))
    low, high = (middle - half) / (1 + square), (middle + half) / (1 + square)
    return (low if correct else 0.0), (high if correct < total else 1.0)


def share_interval(shares: Sequence[Share], samples: float = 1) -> Interval:
    """Wilson's 95% interval of the mean of problems' shares; each is of `samples` chains at most.

    Both counts are divided by the design effect (Rao and Scott 1992): chains that always agree
    count as one, chains that are independent each count.
    """
    if not shares:
        return wilson(0, 0)
    values = np.asarray(shares, dtype=float)
    mean = float(values.mean())
    size = len(values) * _independent(values, mean * (1 - mean), samples)
    return wilson(mean * size, size)


def paired(before: Sequence[Share], after: Sequence[Share], samples: int = 1) -> Paired:
    """Compare `after` with `before`, problem by problem, both in the same order of problems; each
    share is of `samples` chains at most.

    The p-value is that of the exact two-sided sign-flip test, which is McNemar's exact test if
    every problem has one chain. The interval is Tango's score interval (1998), its counts divided
    by the design effect. If the two disagree on zero, the interval's bound gives way.
    """
    changes = [_change(float(a), float(b)) for a, b in zip(before, after, strict=True)]
    n, gained, lost = len(changes), sum(c > 0 for c in changes), sum(c < 0 for c in changes)
    if not n:
        return Paired(0.0, (-1.0, 1.0), 0, 0, 1.0)
    values = np.asarray(changes, dtype=float)
    up, down = math.fsum(values[values > 0]), -math.fsum(values[values < 0])
    gain = (up - down) / n
    size = _independent(values, (up + down) / n - gain * gain, samples)
    low, high = map(float, tango(up * size, down * size, n * size))
    p_value = _sign_flip_p(changes)
    interval = _agreeing((low, high), gain, p_value)
    return Paired(gain, interval, gained, lost, p_value, n)


def tango(gained: ArrayLike, lost: ArrayLike, total: ArrayLike) -> tuple[Array, Array]:
    """Tango's 95% score interval of (gained - lost) / total for paired outcomes (Statistics in
    Medicine 17, 1998); elementwise, counts may be fractions."""
    b, c, n = np.broadcast_arrays(*(np.asarray(x, float) for x in (gained, lost, total)))
    high, low = _upper(np.stack([b, c]), np.stack([c, b]), np.stack([n, n]))
    return -low, high


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in the order given."""
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def _independent(values: Array, largest: float, samples: float) -> float:
    """The independent chains that a problem's value is worth, 1 to `samples`: `largest` is the
    variance between problems if all chains of a problem agreed."""
    variance = float(values.var(ddof=1)) if len(values) > 1 else largest
    if largest <= 0 or variance >= largest:
        return 1.0
    return min(largest / variance, samples) if variance > 0 else samples


def _upper(b: Array, c: Array, n: Array) -> Array:
    """The gain above the observed one at which the score statistic is -Z, by bisection."""
    low, high = (b - c) / n, np.ones(b.shape)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        outside = _score(middle, b, c, n) < -Z
        low, high = np.where(outside, low, middle), np.where(outside, middle, high)
    return high


def _score(gain: Array, b: Array, c: Array, n: Array) -> Array:
    """Tango's statistic of `gain`, with the restricted maximum-likelihood share of losses."""
    linear = (2 * n - b + c) * gain - b - c
    root = np.sqrt(np.maximum(linear**2 + 8 * n * c * gain * (1 - gain), 0.0))
    losses = (root - linear) / (4 * n)
    variance = n * (2 * losses + gain * (1 - gain))
    return (b - c - n * gain) / np.sqrt(np.maximum(variance, TINY))


def _agreeing(interval: Interval, gain: float, p_value: float) -> Interval:
    """The interval, which contains zero if and only if the test finds no difference."""
    low, high = interval
    if p_value >= LEVEL:
        return min(low, 0.0), max(high, 0.0)
    return (max(low, NEXT_TO_ZERO), high) if gain > 0 else (low, min(high, -NEXT_TO_ZERO))


@lru_cache(maxsize=4096)  # of many problems few shares differ
def _change(before: float, after: float) -> Fraction:
    first, second = (Fraction(share).limit_denominator(10_000) for share in (before, after))
    return second - first


def _sign_flip_p(changes: Sequence[Fraction]) -> float:
    """Two-sided p-value of the sum of `changes` if each sign were as likely as the other."""
    from scipy.signal import convolve
    from scipy.stats import binom, binomtest

    steps = np.array(_steps(changes), dtype=np.int64)
    sizes, counts = np.unique(np.abs(steps[steps != 0]), return_counts=True)
    if len(sizes) < 2:
        return (
            float(binomtest(int((steps > 0).sum()), int(counts[0])).pvalue) if counts.size else 1.0
        )
    chances = np.ones(1)  # of each sum of the positive steps
    for size, count in zip(sizes, counts, strict=True):
        own = np.zeros(size * count + 1)
        own[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = convolve(chances, own)
    total, observed = int(np.abs(steps).sum()), abs(int(steps.sum()))
    tail = float(chances[: (total - observed) // 2 + 1].sum())
    return min(1.0, max(2 * tail, LEAST_P))


def _steps(changes: Sequence[Fraction]) -> list[int]:
    """The changes as whole numbers. If their common denominator is large they are rounded; as
    rounding treats both signs alike, the test keeps its size."""
    scale = math.lcm(*{change.denominator for change in changes})
    longest = LONGEST / max(1.0, math.fsum(abs(change) for change in changes))
    if scale > min(FINEST, longest):
        scale = min(FINEST, longest)
    return [round(change * Fraction(scale)) for change in changes]

"""Confidence intervals and significance tests for accuracies, with scipy and numpy.

scipy.stats takes over a second to import, so only the functions that use it import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Paired:
    """One model against another on the same problems; `gain` is a difference of accuracies."""

    gain: float
    ci95: tuple[float, float]
    gained: int
    lost: int
    p_value: float


def wilson(correct: int, total: int) -> tuple[float, float]:
    """Wilson's 95% score interval of a share (Wilson 1927); (0, 1) if `total` is 0."""
    if total == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(correct, total).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def paired(before: Sequence[bool], after: Sequence[bool], seed: int = 0) -> Paired:
    """Compare `after` with `before`, problem by problem, both in the same order of problems.

    The interval is a percentile bootstrap over problems (Efron 1979), the p-value McNemar's exact
    two-sided test on the problems that changed.
    """
    from scipy.stats import binomtest

    change = np.asarray(after, dtype=int) - np.asarray(before, dtype=int)
    gained, lost = int((change == 1).sum()), int((change == -1).sum())
    p_value = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    if not len(change):
        return Paired(0.0, (0.0, 0.0), 0, 0, 1.0)
    same = len(change) - gained - lost
    shares = np.array([gained, lost, same]) / len(change)
    draws = np.random.default_rng(seed).multinomial(len(change), shares, RESAMPLES)
    gains = (draws[:, 0] - draws[:, 1]) / len(change)
    low, high = np.quantile(gains, [0.025, 0.975])
    return Paired(float(change.mean()), (float(low), float(high)), gained, lost, float(p_value))

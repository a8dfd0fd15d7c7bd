"""Estimates for chains, computed by hand."""

from __future__ import annotations

import math

import pytest

from pipeline.recipe.models import Samples, Until
from pipeline.run.estimate import (
    Estimate,
    Measured,
    Tasks,
    describe,
    estimate,
    relative_error,
    tasks_of,
)

USAGE = {"chains": 4, "engine_seconds": 36.0, "prompt": 4000, "cached": 3000, "written": 100}
FOUR = Measured({"a": [10, 20], "b": [30, 40]}, USAGE, finished=True)
KNOWN = Tasks(8000, 8000, 8000, 0)


def test_totals_are_tasks_times_means_per_chain() -> None:
    result = estimate(KNOWN, FOUR, price=3.0)
    assert (result.measured, result.read, result.cached, result.written) == (4, 8e6, 6e6, 200_000)
    assert result.engine_hours == pytest.approx(20)
    assert result.cost == pytest.approx(60)


def test_the_interval_uses_the_problem_as_sampling_unit() -> None:
    # 30 and 70 tokens of 2 chains each: residuals -20 and 20, so 1.96 * sqrt(2 * 800) / 100
    error = 1.96 * math.sqrt(2 * 800) / 100
    assert relative_error(FOUR.written, varying=False) == pytest.approx(error)
    interval = estimate(KNOWN, FOUR, price=None).written_ci95
    assert interval == (round(200_000 * (1 - error)), round(200_000 * (1 + error)))


def test_with_early_stopping_the_number_of_chains_widens_the_interval() -> None:
    uneven = {"a": [10], "b": [10, 10, 10]}
    assert relative_error(uneven, varying=False) == 0
    assert relative_error(uneven, varying=True) == pytest.approx(1.96 * math.sqrt(2 * 200) / 40)


def test_one_problem_gives_no_interval() -> None:
    assert relative_error({"a": [10, 20]}, varying=False) is None


def test_only_chains_that_do_not_exist_yet_are_uncertain() -> None:
    half, done = (
        estimate(Tasks(8, 8, 8, existing), FOUR, price=None, own=True).written_ci95
        for existing in (4, 8)
    )
    assert half == (200 - 78, 200 + 78)
    assert done == (200, 200)


def test_unmeasured_numbers_are_none() -> None:
    older = Measured(FOUR.written, dict.fromkeys(USAGE, 0), finished=True)
    result = estimate(KNOWN, older, price=3.0)
    assert result.written == 200_000
    assert result.read is result.engine_hours is result.cost is None
    assert "tokens read and engine hours were not measured" in describe(result)


def test_a_finished_sample_gives_the_expected_number_of_chains() -> None:
    samples = Samples(min=1, max=4, until=Until(correct=1, incorrect=1))
    assert tasks_of(samples, 100, 0, None) == Tasks(200, 400, None, 0)
    finished = Measured({"a": [1, 1], "b": [1, 1, 1]}, USAGE, finished=True)
    assert tasks_of(samples, 100, 0, finished) == Tasks(200, 400, 250, 0)
    halfway = Measured(finished.written, USAGE, finished=False)
    assert tasks_of(samples, 100, 230, halfway) == Tasks(230, 400, None, 230)


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (
            Estimate(KNOWN, 200, 61_200_000, 53_856_000, 1_400_000, (1_300_000, 1_500_000), 3.1),
            "8,000 chains: 61.2M tokens read (88% cached), 1.4M written (1.3M-1.5M), "
            "3.1 engine hours",
        ),
        (
            Estimate(
                Tasks(8000, 8000, 8000, 1200),
                *(1200, 61_200_000, 53_856_000, 1_400_000, None),
                *(3.1, 2.635, 9.3, 7.905),
            ),
            "8,000 chains: 61.2M tokens read (88% cached), 1.4M written, 3.1 engine hours, "
            "cost 9.30; 6,800 left: 2.6 engine hours, cost 7.91",
        ),
        (
            Estimate(Tasks(200, 400, None, 0), 9, 900, 0, 90, None, 0.0123),
            "200-400 chains: at most 900 tokens read (0% cached), 90 written, 0.012 engine hours",
        ),
        (
            Estimate(Tasks(200, 400, 250, 0), 9, 900, 0, 90, None, 1.0),
            "about 250 chains (200-400): 900 tokens read (0% cached), 90 written, 1.0 engine hours",
        ),
    ],
)
def test_an_estimate_is_described_in_one_line(result: Estimate, line: str) -> None:
    assert describe(result) == line

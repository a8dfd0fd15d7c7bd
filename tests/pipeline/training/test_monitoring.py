"""Training metrics: the live line, and the warning of likelihood displacement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.monitoring import (
    HARMLESS_NATS,
    WINDOW,
    chosen_falls,
    displaced_at,
    not_finite,
    numbers,
    read_metrics,
    steps,
    summary,
    warning,
)

PREFERENCE = {
    "loss": 0.5,
    "rewards/margins": 1.25,
    "rewards/accuracies": 0.75,
    "logps/chosen": -12.5,
    "logps/rejected": -20.0,
    "tokens_per_second": 5400.0,
}

BEFORE = -10.0  # the reference's log-probability of a chosen chain


def curve(falls: list[float], beta: float = 0.1) -> list[dict[str, Any]]:
    """Metrics of a training whose chosen chains are `falls` nats below the reference."""
    return [
        {"step": i + 1, "loss": 0.5, "rewards/chosen": -beta * fall, "logps/chosen": BEFORE - fall}
        for i, fall in enumerate(falls)
    ]


def test_the_fall_of_chosen_chains_is_in_nats() -> None:
    # beta 0.5: a reward of -3 is 6 nats less; now at -16, so the reference gives -10
    line = {"step": 1, "loss": 0.5, "rewards/chosen": -3.0, "logps/chosen": -16.0}
    assert chosen_falls([line], beta=0.5) == [(6.0, -10.0)]


def test_likelihood_displacement_gives_a_warning_with_advice() -> None:
    text = warning(curve([0.2 * i for i in range(60)]), beta=0.1)
    # steps 21 to 30 fell by 4.0 to 5.8 nats, 4.9 in the mean; a quarter of -10 is 2.5
    assert text == (
        "likelihood displacement: at step 30 the log-probability of chosen chains is -14.9 and "
        "falling (-10.0 before training); use train.loss=dpop, a larger train.nll_weight or a "
        "lower train.learning_rate"
    )


@pytest.mark.parametrize(
    "falls",
    [
        pytest.param([0.0] * 60, id="at the reference"),
        pytest.param([-0.2 * i for i in range(60)], id="more likely than before"),
        pytest.param([0.05 * i for i in range(50)], id="falls, but little"),
        pytest.param([1.0 * i for i in range(2 * WINDOW + 9)], id="not for long yet"),
        pytest.param([9.0] * 60, id="lower, but not falling"),
        pytest.param([20.0 - 0.2 * i for i in range(60)], id="recovers"),
    ],
)
def test_a_small_or_short_fall_gives_no_warning(falls: list[float]) -> None:
    assert warning(curve(falls), beta=0.1) is None


@given(st.lists(st.tuples(st.floats(-9, HARMLESS_NATS), st.floats(-99, 0)), max_size=100))
def test_chains_more_than_half_as_likely_give_no_warning(
    falls: list[tuple[float, float]],
) -> None:
    assert displaced_at(falls) is None


def test_metrics_of_sft_give_no_warning() -> None:
    assert warning([{"step": 1, "loss": 0.5}] * 60, beta=0.1) is None


def test_of_a_repeated_step_only_the_last_line_counts() -> None:
    lines = [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}, {"step": 1, "loss": 1.0}]
    lines.append({"step": 2, "train_runtime": 5.0})
    assert [line["loss"] for line in steps(lines)] == [1.0, 2.0]


def test_non_finite_numbers_become_null_and_are_named() -> None:
    values = numbers({"loss": float("nan"), "grad_norm": 1.0, "epoch": 1, "name": "x"})
    assert values == {"loss": None, "grad_norm": 1.0, "epoch": 1}
    assert not_finite(values) == "the loss"
    assert not_finite(numbers({"loss": 1.0, "grad_norm": float("inf")})) == "the gradient"
    assert not_finite({"eval_loss": None}) == "the loss of held-out pairs"
    assert not_finite(numbers({"loss": 1.0})) is None


def test_the_live_line_of_dpo_and_of_sft() -> None:
    assert summary([{"step": 1, **PREFERENCE}]) == (
        "loss 0.5000  reward accuracy 0.75  margin 1.25  chosen -12.5  rejected -20.0  "
        "5,400 tokens/s"
    )
    assert summary([{"step": 1, "loss": 0.25}]) == "loss 0.2500"
    assert summary([{"step": 1, "loss": None}]) == ""


def test_an_incomplete_last_line_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    assert read_metrics(file) == []
    file.write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "lo')
    assert read_metrics(file) == [{"step": 1, "loss": 0.5}]

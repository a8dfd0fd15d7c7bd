from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import logsigmoid

from pipeline.training.dpo import dpo_positive

LOGPS = st.floats(-200, 0, allow_subnormal=False)


def _loss(
    chosen: float, rejected: float, reference: tuple[float, float], beta: float, penalty: float
) -> float:
    numbers = (chosen, rejected, *reference)
    tensors = [torch.tensor([number], dtype=torch.float64) for number in numbers]
    return dpo_positive(*tensors, beta=beta, penalty=penalty).item()


def test_above_the_reference_dpo_positive_is_plain_dpo() -> None:
    """Margin (-10 + 12) - (-11 + 10) = 3, no fall: log(1 + exp(-0.1 * 3))."""
    assert _loss(-10, -11, (-12, -10), 0.1, 5) == pytest.approx(0.554355244468527, abs=1e-12)


def test_below_the_reference_the_penalty_counts() -> None:
    """Margin (-13 + 12) - (-11 + 10) = 0, a fall of 1, so 0.1 * (0 - 5 * 1): log(1 + exp(0.5))."""
    assert _loss(-13, -11, (-12, -10), 0.1, 5) == pytest.approx(0.974076984180107, abs=1e-12)


def test_without_penalty_a_fall_of_both_costs_log_2() -> None:
    assert _loss(-13, -11, (-12, -10), 0.1, 0) == pytest.approx(math.log(2), abs=1e-12)


def test_each_pair_has_its_own_loss() -> None:
    chosen, rejected = torch.tensor([-10.0, -13.0]), torch.tensor([-11.0, -11.0])
    references = torch.tensor([-12.0, -12.0]), torch.tensor([-10.0, -10.0])
    losses = dpo_positive(chosen, rejected, *references, beta=0.1, penalty=5)
    assert losses.tolist() == pytest.approx([0.554355, 0.974077], abs=1e-6)


def test_the_penalty_scales_the_gradient_of_the_chosen_side() -> None:
    chosen = torch.tensor([-13.0], requires_grad=True)
    rejected = torch.tensor([-11.0], requires_grad=True)
    references = torch.tensor([-12.0]), torch.tensor([-10.0])
    dpo_positive(chosen, rejected, *references, beta=0.1, penalty=5).backward()
    assert chosen.grad is not None
    assert rejected.grad is not None
    assert chosen.grad.item() / rejected.grad.item() == pytest.approx(-6)  # 1 + penalty to 1


@given(chosen=LOGPS, rejected=LOGPS, reference=st.tuples(LOGPS, LOGPS), penalty=st.floats(0, 50))
def test_dpo_positive_is_at_least_dpo(
    chosen: float, rejected: float, reference: tuple[float, float], penalty: float
) -> None:
    margin = torch.tensor(chosen - reference[0] - rejected + reference[1], dtype=torch.float64)
    plain = -logsigmoid(0.1 * margin).item()
    assert _loss(chosen, rejected, reference, 0.1, penalty) >= plain - 1e-9

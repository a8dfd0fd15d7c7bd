"""Preference losses that TRL does not have, as plain functions of log-probabilities."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def dpo_positive(
    chosen_B: Tensor,
    rejected_B: Tensor,
    reference_chosen_B: Tensor,
    reference_rejected_B: Tensor,
    beta: float,
    penalty: float,
) -> Tensor:
    """DPO-positive's loss of each pair (arXiv 2402.13228, Eq. 3), shape (B,).

    The four inputs are summed log-probabilities in nats. `penalty` (the paper's lambda) weighs how
    far the chosen chain has fallen below the reference; with 0 it is DPO (arXiv 2305.18290, Eq. 7).
    """
    margin_B = (chosen_B - reference_chosen_B) - (rejected_B - reference_rejected_B)
    fallen_B = torch.clamp(reference_chosen_B - chosen_B, min=0)
    return -logsigmoid(beta * (margin_B - penalty * fallen_B))

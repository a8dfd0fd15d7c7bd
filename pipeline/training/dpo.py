"""TRL's DPO trainer, extended by loss masks, DPO-positive and shared prefixes.

Every loss of TRL reads `completion_mask`, so a collator that writes our mask is enough. Data sets
are tokenized beforehand (`pipeline.agent.loss_masks`), so TRL's preparation is skipped. TRL's code
computes every loss; with prefix sharing, it calls a model that computes the batch packed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer

from pipeline.agent.loss_masks import IGNORED
from pipeline.training.packing import pack
from pipeline.training.prefix_sharing import PACKED, trl_view

MASKS = ("chosen_mask", "rejected_mask")


@dataclass
class MaskedPreferenceCollator(DataCollatorForPreference):
    """TRL's collator with our masks: only completion tokens with mask 1 count in the loss. With
    `width`, the model's hidden size, it packs the batch as well."""

    width: int | None = None

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super().torch_call(examples)
        masks = [
            [0] * len(example["prompt_ids"]) + example[side]
            for side in MASKS
            for example in examples
        ]
        for row, mask in zip(batch["completion_mask"], masks, strict=True):
            row[: len(mask)] = torch.tensor(mask)
        if self.width is not None:
            labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, IGNORED)
            batch[PACKED] = pack(batch["input_ids"], labels, sides=2, width=self.width)
        return batch


class MaskedDPOTrainer(DPOTrainer):
    """DPO over model-written tokens; shares prefixes if the collator packs.

    With `dpop_lambda`, DPO-positive is added to TRL's losses, which should then hold only the NLL
    term ("sft").
    """

    def __init__(self, *args: Any, dpop_lambda: float | None = None, **kwargs: Any) -> None:
        self._dpop_lambda = dpop_lambda
        super().__init__(*args, **kwargs)

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        return dataset

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        assert self._signature_columns is not None
        self._signature_columns = list({*self._signature_columns, *MASKS})

    def compute_ref_log_probs(self, model: Any, inputs: dict[str, Any]) -> Any:
        return super().compute_ref_log_probs(*trl_view(model, inputs))

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
        model, inputs = trl_view(model, inputs)
        if self._dpop_lambda is None or return_outputs:
            return super()._compute_loss(model, inputs, return_outputs)
        outputs: list[Any] = []

        def recording_model(*args: Any, **kwargs: Any) -> Any:
            outputs.append(model(*args, **kwargs))
            return outputs[-1]

        loss = super()._compute_loss(recording_model, inputs, return_outputs)
        return loss + self._dpo_positive(outputs[0].log_probs, inputs)

    def _dpo_positive(self, log_probs_BT: Tensor, inputs: dict[str, Any]) -> Tensor:
        chosen_B, rejected_B = log_probs_BT.sum(dim=1).chunk(2)
        assert self._dpop_lambda is not None
        loss_B = dpo_positive(
            chosen_B,
            rejected_B,
            inputs["ref_chosen_logps"],
            inputs["ref_rejected_logps"],
            self.beta,
            self._dpop_lambda,
        )
        return loss_B.mean()


def dpo_positive(
    chosen_B: Tensor,
    rejected_B: Tensor,
    reference_chosen_B: Tensor,
    reference_rejected_B: Tensor,
    beta: float,
    penalty: float,
) -> Tensor:
    """The DPO-positive loss of each pair (arXiv 2402.13228, Eq. 3), shape (B,).

    The four inputs are summed log-probabilities in nats. `penalty` (the paper's lambda) is the
    weight of the chosen chain's fall below the reference; with 0 it is DPO (arXiv 2305.18290,
    Eq. 7).
    """
    margin_B = (chosen_B - reference_chosen_B) - (rejected_B - reference_rejected_B)
    fall_B = torch.clamp(reference_chosen_B - chosen_B, min=0)
    return -logsigmoid(beta * (margin_B - penalty * fall_B))

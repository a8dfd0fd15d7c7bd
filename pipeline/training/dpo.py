"""TRL's DPO trainer, extended by loss masks, an NLL term, DPO-positive and shared prefixes.

Every loss of TRL reads `completion_mask`, so a collator that writes our mask is enough. Data sets
are tokenized beforehand (`pipeline.agent.loss_masks`), so TRL's preparation is skipped. TRL's code
computes the losses of a margin; with prefix sharing, it calls a model that computes the batch
packed.

Every term is a mean over pairs, so the loss of an optimizer step does not depend on micro batches,
workers and accumulation. TRL's own NLL term ("sft") is not used: it is a mean over the tokens of a
micro batch, in which a pair counts less the longer its neighbours are.
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

    `nll_weight` times `chosen_nll` is added to TRL's losses. With `dpop_lambda`, DPO-positive is
    added too, and TRL's losses should have weight 0. Evaluation measures each pair once.
    """

    def __init__(
        self,
        *args: Any,
        nll_weight: float = 0.0,
        dpop_lambda: float | None = None,
        **kwargs: Any,
    ) -> None:
        self._nll_weight, self._dpop_lambda = nll_weight, dpop_lambda
        self._evaluated: dict[str, list[Tensor]] = {}  # values of each evaluated pair
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
        outputs: list[Any] = []

        def recording_model(*args: Any, **kwargs: Any) -> Any:
            outputs.append(model(*args, **kwargs))
            return outputs[-1]

        computed = super()._compute_loss(recording_model, inputs, return_outputs)
        log_probs_BT = outputs[0].log_probs
        added = self._added_loss(log_probs_BT, inputs)
        assert self.model is not None
        if not self.model.training:
            self._record(log_probs_BT.detach(), inputs)
        return (computed[0] + added, computed[1]) if return_outputs else computed + added

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the metrics; in evaluation as means over pairs, each counted once. TRL's are means
        over micro batches, in which workers repeat pairs to fill the last one."""
        for name, values in self._evaluated.items():
            self._metrics["eval"][name] = [torch.cat(values).mean().item()]
        self._evaluated = {}
        super().log(logs, start_time)

    def _added_loss(self, log_probs_BT: Tensor, inputs: dict[str, Any]) -> Tensor:
        added_B = self._nll_weight * chosen_nll(log_probs_BT, inputs["completion_mask"])
        if self._dpop_lambda is not None:
            chosen_B, rejected_B = log_probs_BT.sum(dim=1).chunk(2)
            references = inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]
            added_B = added_B + dpo_positive(
                chosen_B, rejected_B, *references, self.beta, self._dpop_lambda
            )
        return added_B.mean()

    def _record(self, log_probs_BT: Tensor, inputs: dict[str, Any]) -> None:
        """Gather the values of each pair from all workers, without the repeated ones."""
        chosen_B, rejected_B = log_probs_BT.sum(dim=1).chunk(2)
        reward_B = self.beta * (chosen_B - inputs["ref_chosen_logps"])
        other_B = self.beta * (rejected_B - inputs["ref_rejected_logps"])
        values = {
            "rewards/chosen": reward_B,
            "rewards/rejected": other_B,
            "rewards/accuracies": (reward_B > other_B).float(),
            "rewards/margins": reward_B - other_B,
            "logps/chosen": chosen_B,
            "logps/rejected": rejected_B,
        }
        for name, values_B in values.items():
            gathered: Any = self.accelerator.gather_for_metrics(values_B)
            self._evaluated.setdefault(name, []).append(gathered.cpu())


def chosen_nll(log_probs_BT: Tensor, completion_mask_BT: Tensor) -> Tensor:
    """The negative log-likelihood per trained token of each chosen chain, shape (B / 2,), in nats
    (arXiv 2404.19733, Eq. 1, without its constant weight).

    `log_probs_BT` (B, T - 1) are those of the next tokens, 0 where not trained; chosen chains come
    first. `completion_mask_BT` is (B, T). A chain without trained tokens gives 0.
    """
    tokens_B = completion_mask_BT[:, 1:].sum(dim=1).clamp(min=1)
    return -(log_probs_BT.sum(dim=1) / tokens_B).chunk(2)[0]


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

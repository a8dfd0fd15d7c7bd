"""TRL's supervised trainer, which computes what the chains of a batch begin with once.

Not here: packed batches (`pipeline.training.prefix_sharing`), Ray Train (`pipeline.training.loop`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedModel
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling, SFTTrainer

from pipeline.training.packing import pack
from pipeline.training.prefix_sharing import PACKED, shares, unpacked, width_of


@dataclass
class PackedCollator(DataCollatorForLanguageModeling):
    """TRL's collator, which packs the batch as well, for a model of hidden size `width`."""

    width: int = field(kw_only=True)

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super().torch_call(examples)
        return batch | {PACKED: pack(batch["input_ids"], batch["labels"], 1, self.width)}


def collator(
    model: PreTrainedModel, pad_token_id: int, share: bool, longest: int
) -> DataCollatorForLanguageModeling:
    """What makes the batches of `model`, whose chains have at most `longest` tokens; prepares it
    to share prefixes, if it is to `share` them and can."""
    if not share or not shares(model, longest):
        return DataCollatorForLanguageModeling(pad_token_id=pad_token_id)
    return PackedCollator(pad_token_id=pad_token_id, width=width_of(model))


class SharingSFTTrainer(SFTTrainer):
    """Supervision with TRL's loss. Shares prefixes where the collator packs."""

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        model, inputs = unpacked(model, inputs)
        return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)

"""TRL's supervised trainer, which computes what the chains of a batch begin with once.

Not here: packed batches (`pipeline.training.prefix_sharing`), Ray Train
(`pipeline.training.worker`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trl.trainer.sft_trainer import DataCollatorForLanguageModeling, SFTTrainer

from pipeline.training.packing import pack
from pipeline.training.prefix_sharing import PACKED, unpacked


@dataclass
class PackingCollator(DataCollatorForLanguageModeling):
    """TRL's collator, which packs the batch as well, for a model of hidden size `width`, if that is
    given."""

    width: int | None = None

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super().torch_call(examples)
        if self.width is not None:
            batch[PACKED] = pack(batch["input_ids"], batch["labels"], sides=1, width=self.width)
        return batch


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

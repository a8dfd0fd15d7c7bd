"""TRL's SFT trainer, extended by shared prefixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trl.trainer.sft_trainer import DataCollatorForLanguageModeling, SFTTrainer

from pipeline.training.packing import pack
from pipeline.training.prefix_sharing import PACKED, trl_view


@dataclass
class PackingCollator(DataCollatorForLanguageModeling):
    """TRL's collator; with `width`, the model's hidden size, it packs the batch as well."""

    width: int | None = None

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super().torch_call(examples)
        if self.width is not None:
            batch[PACKED] = pack(batch["input_ids"], batch["labels"], sides=1, width=self.width)
        return batch


class SharingSFTTrainer(SFTTrainer):
    """TRL's trainer and loss; shares prefixes if the collator packs."""

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        model, inputs = trl_view(model, inputs)
        return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)

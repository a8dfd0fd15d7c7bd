"""Pairs as tokenized rows, padded and packed, for the tests of prefix sharing."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from pipeline.agent.loss_masks import IGNORED
from pipeline.training.dpo import MaskedPreferenceCollator
from pipeline.training.packing import pack

VOCABULARY = 40
Row = dict[str, list[int]]


def row(prompt: Sequence[int], chosen: Sequence[int], rejected: Sequence[int]) -> Row:
    """A pair as `pipeline.agent.loss_masks` encodes it; tokens below 10 are a function's, not
    trained."""
    sides = {"chosen": chosen, "rejected": rejected}
    ids = {f"{side}_ids": list(tokens) for side, tokens in sides.items()}
    masks = {f"{side}_mask": [int(t >= 10) for t in tokens] for side, tokens in sides.items()}
    return {"prompt_ids": list(prompt), **ids, **masks}


# Sides that share nearly all, nothing, or a trained prefix; one side much longer; one side a prefix
# of the other.
ROWS = [
    row(range(10, 34), [20, 21, 3, 4, 22, 23], [20, 21, 3, 4, 25, 1, 26]),
    row([], [10, 11, 12], [13, 14]),
    row([11, 12], [15, 16, 17, 5, 18], [15, 16, 17, 6, 19]),
    row([30], [31, 5, 5, 32], [33, *range(12, 30)]),
    row([7, 8, 9], [20, 4, 21, 22], [20, 4, 21]),
]


def batch_of(rows: Sequence[Row]) -> dict[str, Tensor]:
    return MaskedPreferenceCollator(pad_token_id=0)([dict(row) for row in rows])


def labels_of(batch: dict[str, Tensor]) -> Tensor:
    return batch["input_ids"].masked_fill(batch["completion_mask"] == 0, IGNORED)


def packed_of(batch: dict[str, Tensor], width: int, sides: int = 2) -> dict[str, Tensor]:
    return pack(batch["input_ids"], labels_of(batch), sides, width)

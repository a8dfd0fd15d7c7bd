"""Prefix sharing (arXiv 2410.20305): what chains have in common is computed once.

A micro batch comes padded, as TRL makes it, and packed. The model gets the packed rows with an
explicit 4-D mask, which torch's SDPA takes on CPU and CUDA, and its head scores only the positions
whose next token is trained; what it returns is laid out again as the padded batch that TRL's losses
read. Nothing is approximated: losses and gradients are the same.

Not here: the layout (`pipeline.training.packing`), the losses and whether a run shares prefixes
(`pipeline.training.dpo`, `pipeline.training.sft`).
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.training.packing import ROOT, SEGMENTS

PACKED = "packed"  # key of a batch: what `packing.pack` made of it
FIELDS = ("log_probs", "entropy", "mean_logits", "is_top1", "label_mask")  # of TRL's fused head
log = logging.getLogger(__name__)


def packing_width(model: PreTrainedModel, share: bool, longest: int) -> int | None:
    """The hidden size of `model`, which a collator that packs is given, the model being prepared
    for that; None where it is not to `share` prefixes, or cannot in chains of at most `longest`
    tokens, with a warning."""
    if not share:
        return None
    if reason := why_not(model, longest):
        log.warning("training without prefix sharing: %s: %s", type(model).__name__, reason)
        return None
    score_only_trained(model)
    return model.config.get_text_config().hidden_size


def unpacked(model: Any, inputs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What TRL knows of: the padded batch, and a model that computes it, packed if it is."""
    if PACKED not in inputs:
        return model, inputs
    padded = {key: value for key, value in inputs.items() if key != PACKED}
    return packed_forward(model, inputs[PACKED]), padded


def why_not(model: PreTrainedModel, longest: int) -> str | None:
    """Why prefixes cannot be shared in chains of at most `longest` tokens, None where they can."""
    config: Any = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if config._attn_implementation != "sdpa":
        return f"its attention is {config._attn_implementation}, not sdpa"
    if others := kinds - {"full_attention", "sliding_attention"}:
        return f"it has layers of {', '.join(sorted(others))}"
    if window is not None and window < longest:
        return f"its attention slides over {window:,} tokens, fewer than train.max_tokens"
    if hasattr(config, "output_router_logits"):
        return "the loss that balances its experts counts every token"
    if model._is_stateful or "position_ids" not in inspect.signature(model.forward).parameters:
        return "it takes no position ids"
    return None


def score_only_trained(model: PreTrainedModel) -> None:
    """Let `model(..., scored=positions)` keep only the hidden states that its head has to score.

    TRL's fused head does so on CUDA by itself; on CPU it scores every position.
    """
    backbone: Any = model.base_model
    whole = backbone.forward

    @functools.wraps(whole)
    def forward(*args: Any, scored: Tensor | None = None, **kwargs: Any) -> Any:
        output = whole(*args, **kwargs)
        if scored is not None:
            output.last_hidden_state = output.last_hidden_state.flatten(0, 1)[scored][None]
        return output

    backbone.forward = forward


def packed_forward(model: Callable[..., Any], packed: Mapping[str, Tensor]) -> Callable[..., Any]:
    """`model` as TRL's loss calls it, with a padded batch, which it computes as `packed`."""

    def forward(**padded: Any) -> Any:
        output = model(
            input_ids=packed["input_ids"],
            position_ids=packed["position_ids"],
            attention_mask=attention(packed["segments"]),
            shift_labels=packed["labels"],
            scored=packed["scored"],
            fused_lm_head=padded["fused_lm_head"],
            use_cache=padded["use_cache"],
        )
        for field in FIELDS:
            if field in output:
                output[field] = _padded(output[field], packed["places"])
        return output

    return forward


def attention(segments_RT: Tensor) -> Tensor:
    """Which token (third axis) sees which (fourth), shape (R, 1, T, T): those of the root, of its
    group's prefix and of its own segment, as far as they stand before it."""
    seen, own = segments_RT[:, None, :], segments_RT[:, :, None]
    prefix = own.div(SEGMENTS, rounding_mode="floor") * SEGMENTS
    return ((seen == ROOT) | (seen == prefix) | (seen == own)).tril()[:, None]


def _padded(scored: Tensor, places: Tensor) -> Tensor:
    """What was computed of scored positions, shape (1, S), where the padded batch has it; else 0,
    as TRL's fused head has it."""
    nothing = scored.new_zeros(1)
    return torch.cat([scored[0], nothing])[places]

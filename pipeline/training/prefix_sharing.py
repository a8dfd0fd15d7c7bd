"""Prefix sharing (arXiv 2410.20305): compute the shared prefixes of chains once.

A micro batch contains TRL's padded batch and the packed one. The model gets the packed rows with an
explicit 4-D mask, which torch's SDPA accepts on CPU and CUDA. Its head scores only positions whose
next token is trained; the output is mapped back to the padded batch that TRL's losses read. Nothing
is approximated: losses and gradients are the same.

Not here: the layout of packed rows (`pipeline.training.packing`).
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

from pipeline.training.packing import BATCH_PREFIX, SEGMENTS

PACKED = "packed"  # key of a batch: the output of `packing.pack`
FIELDS = (
    "log_probs",
    "entropy",
    "mean_logits",
    "is_top1",
    "label_mask",
)  # of TRL's fused head
log = logging.getLogger(__name__)


def packing_width(model: PreTrainedModel, share: bool, max_tokens: int) -> int | None:
    """Prepare `model` for packed batches and return its hidden size, for the collator's `width`.

    Returns None if `share` is false; also, with a warning, if the model cannot share prefixes in
    chains of at most `max_tokens` tokens.
    """
    if not share:
        return None
    if reason := unsupported_reason(model, max_tokens):
        log.warning("training without prefix sharing: %s: %s", type(model).__name__, reason)
        return None
    score_only_trained(model)
    return model.config.get_text_config().hidden_size


def trl_view(model: Any, inputs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The model and padded batch for TRL's losses; the model computes the packed batch, if any."""
    if PACKED not in inputs:
        return model, inputs
    padded = {key: value for key, value in inputs.items() if key != PACKED}
    return packed_forward(model, inputs[PACKED]), padded


def unsupported_reason(model: PreTrainedModel, max_tokens: int) -> str | None:
    """Why `model` cannot share prefixes in chains of at most `max_tokens` tokens, or None."""
    config: Any = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if config._attn_implementation != "sdpa":
        return f"its attention is {config._attn_implementation}, not sdpa"
    if others := kinds - {"full_attention", "sliding_attention"}:
        return f"it has layers of {', '.join(sorted(others))}"
    if window is not None and window < max_tokens:
        return f"its attention slides over {window:,} tokens, fewer than train.max_tokens"
    if hasattr(config, "output_router_logits"):
        return "the loss that balances its experts counts every token"
    if model._is_stateful or "position_ids" not in inspect.signature(model.forward).parameters:
        return "it takes no position ids"
    return None


def score_only_trained(model: PreTrainedModel) -> None:
    """Make `model(..., scored=positions)` pass only these hidden states to its head.

    TRL's fused head does this itself on CUDA; on CPU it scores every position.
    """
    backbone: Any = model.base_model
    original = backbone.forward

    @functools.wraps(original)
    def forward(*args: Any, scored: Tensor | None = None, **kwargs: Any) -> Any:
        output = original(*args, **kwargs)
        if scored is not None:
            output.last_hidden_state = output.last_hidden_state.flatten(0, 1)[scored][None]
        return output

    backbone.forward = forward


def packed_forward(model: Callable[..., Any], packed: Mapping[str, Tensor]) -> Callable[..., Any]:
    """A forward function that TRL's loss calls with a padded batch and that computes `packed`."""

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
                output[field] = _padded(output[field], packed["scored_index"])
        return output

    return forward


def attention(segments_RT: Tensor) -> Tensor:
    """The attention mask of packed rows, shape (R, 1, T, T), queries on the third axis, keys on the
    fourth. A token attends to itself and to earlier tokens of the batch prefix, of its group's
    prefix and of its own segment."""
    key, query = segments_RT[:, None, :], segments_RT[:, :, None]
    group_prefix = query.div(SEGMENTS, rounding_mode="floor") * SEGMENTS
    return ((key == BATCH_PREFIX) | (key == group_prefix) | (key == query)).tril()[:, None]


def _padded(scored: Tensor, scored_index: Tensor) -> Tensor:
    """Map values of scored positions, shape (1, S), to the padded batch; 0 at other positions, as
    in the output of TRL's fused head."""
    zero = scored.new_zeros(1)
    return torch.cat([scored[0], zero])[scored_index]

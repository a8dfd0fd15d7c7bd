"""Prefix sharing (arXiv 2410.20305): what a pair's two sides have in common is computed once.

A pair becomes [prefix | chosen | rejected]: both sides continue at the prefix's position, both see
it, and neither sees the other. Pairs of a micro batch are packed into rows behind one another. The
model gets the rows with an explicit 4-D mask, which torch's SDPA takes on CPU and CUDA, and its
head scores only the positions whose next token is trained; what it returns is laid out again as the
padded batch that TRL's losses read. Nothing is approximated: losses and gradients are the same.

What is shared ends at the first position that differs in its token or in what it is to predict: the
token before the branch, with two next tokens, is therefore on both sides.

Not here: the losses, and whether a run shares prefixes (`pipeline.training.dpo`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from pipeline.masks import IGNORED

ROW_TOKENS = 4096  # rows of several pairs are no longer: their mask has the square of it
SEGMENTS = 3  # of a pair: its prefix, its chosen side, its rejected side
FIELDS = ("log_probs", "entropy", "mean_logits", "is_top1")  # per token, of TRL's fused head


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
            output[field] = _padded(output[field], packed["places"])
        return output

    return forward


def attention(segments_RT: Tensor) -> Tensor:
    """Which token (third axis) sees which (fourth), shape (R, 1, T, T): those of its own segment
    and of its pair's prefix, as far as they stand before it."""
    seen, own = segments_RT[:, None, :], segments_RT[:, :, None]
    prefix = own.div(SEGMENTS, rounding_mode="floor") * SEGMENTS
    return ((seen == own) | (seen == prefix)).tril()[:, None]


def pack(input_ids: Tensor, completion_mask: Tensor, width: int) -> dict[str, Tensor]:
    """The padded batch of TRL's collator, chosen sides before rejected ones, packed into rows.

    `width` is the model's hidden size. Of shape (R, T): `input_ids`, `position_ids`, `segments`
    (3 p for the prefix of pair p, 3 p + 1 for its chosen side, 3 p + 2 for its rejected one, -1 for
    padding). `scored` says which positions, all rows one behind the other, have a next token that
    is trained; `labels` those tokens. `places` says for every prediction of the padded batch which
    of the scored ones it is; one more than there are where it is none.
    """
    pairs = len(input_ids) // 2
    tokens = input_ids[:, :-1].view(2, pairs, -1)
    labels = input_ids.masked_fill(completion_mask == 0, IGNORED)[:, 1:].reshape(tokens.shape)
    pieces = [_piece(tokens[:, pair], labels[:, pair]) for pair in range(pairs)]
    rows = fill_rows([len(piece.tokens) for piece in pieces], width)
    packed = {
        "input_ids": _rows(rows, [piece.tokens for piece in pieces], 0),
        "position_ids": _rows(rows, [piece.positions for piece in pieces], 0),
        "segments": _rows(rows, [SEGMENTS * i + p.segments for i, p in enumerate(pieces)], -1),
    }
    targets = _rows(rows, [piece.labels for piece in pieces], IGNORED)
    sources = torch.stack([piece.sources for piece in pieces], dim=1)  # (2, pairs, T - 1)
    for number, row in enumerate(rows):
        start = number * targets.shape[1]
        for pair in row:
            sources[:, pair] += start
            start += len(pieces[pair].tokens)
    trained = targets.flatten() != IGNORED
    places = (trained.cumsum(0) - 1)[sources].masked_fill(labels == IGNORED, int(trained.sum()))
    return packed | {
        "scored": trained.nonzero()[:, 0],
        "labels": targets.flatten()[trained][None],
        "places": places.flatten(0, 1),
    }


def fill_rows(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Pairs of these lengths shared out among rows, so that the model computes the least.

    Long rows have little padding but a mask with the square of their length, which dense attention
    pays for: per layer and token about 12 x width^2 multiplications in the weights (arXiv
    2001.08361, 2.1) and 2 x width x (length of the row) in attention.
    """
    ways = [_fill(lengths, count) for count in range(1, len(lengths) + 1)]
    fitting = [way for way in ways if _longest(way, lengths) <= ROW_TOKENS] or ways[-1:]

    def cost(rows: list[list[int]]) -> int:
        return len(rows) * _longest(rows, lengths) * (6 * width + _longest(rows, lengths))

    return min(fitting, key=cost)


def _fill(lengths: Sequence[int], count: int) -> list[list[int]]:
    """The longest first, each into the row that is shortest so far."""
    rows: list[list[int]] = [[] for _ in range(count)]
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        min(rows, key=lambda row: sum(lengths[i] for i in row)).append(index)
    return rows


def _longest(rows: Sequence[Sequence[int]], lengths: Sequence[int]) -> int:
    return max(sum(lengths[index] for index in row) for row in rows)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A pair in one line; `sources` (2, T - 1) says where a side's positions are in it."""

    tokens: Tensor
    labels: Tensor
    positions: Tensor
    segments: Tensor
    sources: Tensor


def _piece(tokens: Tensor, labels: Tensor) -> _Piece:
    """A pair, given (2, T - 1), without what stands behind its last prediction."""
    columns = torch.arange(tokens.shape[1])
    ends = (columns + 1).masked_fill(labels == IGNORED, 0).amax(dim=1)
    chosen, rejected = (int(end) for end in ends)
    same = (tokens[0] == tokens[1]) & (labels[0] == labels[1])
    common = int(same[: min(chosen, rejected)].long().cumprod(0).sum())
    own = chosen - common
    sources = torch.stack([columns, columns + own * (columns >= common)])
    return _Piece(
        tokens=torch.cat([tokens[0, :chosen], tokens[1, common:rejected]]),
        labels=torch.cat([labels[0, :chosen], labels[1, common:rejected]]),
        positions=torch.cat([columns[:chosen], columns[common:rejected]]),
        segments=torch.tensor([0, 1, 2]).repeat_interleave(
            torch.tensor([common, own, rejected - common])
        ),
        sources=sources.clamp(max=own + rejected - 1),  # the padding's are never read
    )


def _rows(rows: Sequence[Sequence[int]], pieces: Sequence[Tensor], padding: int) -> Tensor:
    lines = [torch.cat([pieces[index] for index in row]) for row in rows]
    return pad_sequence(lines, batch_first=True, padding_value=padding)


def _padded(scored: Tensor, places: Tensor) -> Tensor:
    """What was computed of scored positions, shape (1, S), where the padded batch has it; else 0,
    as TRL's fused head has it."""
    nothing = scored.new_zeros(1)
    return torch.cat([scored[0], nothing])[places]

"""Pack a padded batch so that shared prefixes are computed once (arXiv 2410.20305).

    padded, of two pairs                      packed, in one row
    [prompt question chosen   -     ]
    [prompt another  chosen   -     ]         [prompt | question | chosen | rejected |
    [prompt question rejected       ]            another | chosen | rejected]
    [prompt another  rejected -     ]

The batch prefix is shared by all sequences of a batch: mostly functions and instructions. After it
come the groups, each a sequence or the two sides of a pair: first the group prefix, which the sides
share, then each side. Every row starts with the batch prefix; the groups are distributed over rows.
The positions of a side continue those of its prefix. `segments` defines which tokens a token can
attend to (`pipeline.training.prefix_sharing.attention`).

A shared prefix ends at the first position that differs in its token or in its next trained token.
The last token before a branch, with two next tokens, is therefore on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pipeline.agent.loss_masks import IGNORED

ROW_TOKENS = 4096  # longest row of several groups, as the mask grows with the square of it
SEGMENTS = 3  # per group at most: its prefix and two sides
PADDING, BATCH_PREFIX = -1, -2  # segments outside groups


def pack(input_ids: Tensor, labels: Tensor, sides: int, width: int) -> dict[str, Tensor]:
    """Pack a padded batch of N sequences into R rows of length L.

    If groups have two `sides`, all first sides come before all second sides. `labels` (N, T) are
    the tokens of `input_ids` (N, T), IGNORED where not trained; `width` is the model's hidden size.

    Returns `input_ids`, `position_ids` and `segments`, each (R, L); a segment is 3 g for the prefix
    of group g, 3 g + 1 and 3 g + 2 for its sides, BATCH_PREFIX or PADDING. `scored` (S,) are the
    positions in the flattened rows whose next token is trained, `labels` (1, S) those tokens.
    `scored_index` (N, T - 1) maps each prediction of the padded batch to its index in `scored`, or
    to S if it is not trained.
    """
    groups = len(input_ids) // sides
    tokens = input_ids[:, :-1].view(sides, groups, -1)
    targets = labels[:, 1:].reshape(tokens.shape)
    prefix = _shared_length(tokens.flatten(0, 1), targets.flatten(0, 1))
    pieces = [_piece(tokens[:, i], targets[:, i], prefix, SEGMENTS * i) for i in range(groups)]
    first = _Piece(
        tokens=tokens[0, 0, :prefix],
        labels=targets[0, 0, :prefix],
        positions=torch.arange(prefix),
        segments=torch.full((prefix,), BATCH_PREFIX),
        sources=torch.empty(0),
    )
    rows = fill_rows([len(piece.tokens) for piece in pieces], width, prefix)
    lines = [[first, *(pieces[index] for index in row)] for row in rows]
    packed_labels = _pad([[piece.labels for piece in line] for line in lines], IGNORED).flatten()
    trained = packed_labels != IGNORED
    sources = _sources(rows, pieces, prefix, len(packed_labels) // len(rows))
    scored_index = (trained.cumsum(0) - 1)[sources]
    scored_index = scored_index.masked_fill(targets == IGNORED, int(trained.sum()))
    return {
        "input_ids": _pad([[piece.tokens for piece in line] for line in lines], 0),
        "position_ids": _pad([[piece.positions for piece in line] for line in lines], 0),
        "segments": _pad([[piece.segments for piece in line] for line in lines], PADDING),
        "scored": trained.nonzero()[:, 0],
        "labels": packed_labels[trained][None],
        "scored_index": scored_index.flatten(0, 1),
    }


def fill_rows(lengths: Sequence[int], width: int, prefix: int = 0) -> list[list[int]]:
    """Distribute groups of these lengths over rows, so that the model computes the least.

    Every row starts with a batch prefix of `prefix` tokens. Long rows repeat it less often and have
    little padding, but cost more dense attention: per layer and token about 12 x width^2
    multiplications in the weights (arXiv 2001.08361, 2.1) and 2 x width x (length of the row) in
    attention.
    """
    options = [_fill(lengths, count) for count in range(1, len(lengths) + 1)]

    def longest(rows: list[list[int]]) -> int:
        return prefix + max(sum(lengths[index] for index in row) for row in rows)

    def cost(rows: list[list[int]]) -> int:
        return len(rows) * longest(rows) * (6 * width + longest(rows))

    return min([rows for rows in options if longest(rows) <= ROW_TOKENS] or options[-1:], key=cost)


def _fill(lengths: Sequence[int], count: int) -> list[list[int]]:
    """Put groups, the longest first, each into the currently shortest of `count` rows."""
    rows: list[list[int]] = [[] for _ in range(count)]
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        min(rows, key=lambda row: sum(lengths[i] for i in row)).append(index)
    return rows


@dataclass(frozen=True, slots=True)
class _Piece:
    """A packed group, without the batch prefix before it.

    `sources` (sides, T - 1) maps each position of a side to its index in the group; indices of
    positions in the batch prefix are negative.
    """

    tokens: Tensor
    labels: Tensor
    positions: Tensor
    segments: Tensor
    sources: Tensor


def _piece(tokens: Tensor, labels: Tensor, prefix: int, segment: int) -> _Piece:
    """Pack one group (sides, T - 1); drop positions after the last prediction of a side."""
    columns = torch.arange(tokens.shape[1])
    ends = _ends(labels)
    shared = _shared_length(tokens, labels)
    spans = [(0, prefix, shared), *((side, shared, end) for side, end in enumerate(ends))]
    sources, offset = [], -prefix
    for end in ends:
        sources.append(torch.where(columns < shared, columns - prefix, columns + offset))
        offset += end - shared
    return _Piece(
        tokens=torch.cat([tokens[side, start:end] for side, start, end in spans]),
        labels=torch.cat([labels[side, start:end] for side, start, end in spans]),
        positions=torch.cat([columns[start:end] for _, start, end in spans]),
        segments=segment
        + torch.arange(len(spans)).repeat_interleave(
            torch.tensor([end - start for _, start, end in spans])
        ),
        sources=torch.stack(sources),
    )


def _shared_length(tokens: Tensor, labels: Tensor) -> int:
    """The length of the prefix shared by all sequences, up to the earliest last prediction."""
    same = (tokens == tokens[0]).all(dim=0) & (labels == labels[0]).all(dim=0)
    return int(same[: min(_ends(labels))].long().cumprod(0).sum())


def _ends(labels: Tensor) -> list[int]:
    """The length of each sequence up to its last prediction."""
    counts = torch.arange(1, labels.shape[1] + 1)
    return counts.masked_fill(labels == IGNORED, 0).amax(dim=1).tolist()


def _sources(
    rows: Sequence[Sequence[int]], pieces: Sequence[_Piece], prefix: int, length: int
) -> Tensor:
    """The index of each position of the padded batch in the flattened rows of `length`, shape
    (sides, groups, T - 1); any valid index for positions that are not computed."""
    sources = torch.stack([piece.sources for piece in pieces], dim=1)
    for number, row in enumerate(rows):
        start = number * length
        offset = start + prefix
        for index in row:
            in_group = sources[:, index] + offset
            in_prefix = sources[:, index] + start + prefix
            sources[:, index] = torch.where(sources[:, index] < 0, in_prefix, in_group)
            offset += len(pieces[index].tokens)
    return sources.clamp(max=len(rows) * length - 1)


def _pad(lines: Sequence[Sequence[Tensor]], padding: int) -> Tensor:
    rows = [torch.cat(list(line)) for line in lines]
    return pad_sequence(rows, batch_first=True, padding_value=padding)

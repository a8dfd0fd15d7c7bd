"""A padded batch laid out so that what sequences begin with is computed once (arXiv 2410.20305).

    padded, of two pairs                      packed, in one row
    [prompt question chosen   -     ]
    [prompt another  chosen   -     ]         [prompt | question | chosen | rejected |
    [prompt question rejected       ]            another | chosen | rejected]
    [prompt another  rejected -     ]

The root of a batch is what all its sequences begin with: functions and instructions, mostly. Behind
it come the groups, each a sequence or the two sides of a pair: what the sides of the group have in
common, then each side. Rows have the same root and share out the groups. Sides continue at their
prefix's position; what a token may see is `segments`' to tell (`prefix_sharing.attention`).

What is shared ends at the first position that differs in its token or in what it is to predict: the
token before a branch, with two next tokens, is therefore on both sides.

Not here: the model (`pipeline.training.prefix_sharing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pipeline.agent.loss_masks import IGNORED

ROW_TOKENS = 4096  # rows of several groups are no longer: their mask has the square of it
SEGMENTS = 3  # of a group at most: its prefix and two sides
PADDING, ROOT = -1, -2  # segments of no group


def pack(input_ids: Tensor, labels: Tensor, sides: int, width: int) -> dict[str, Tensor]:
    """A padded batch, first sides before second ones where groups have two `sides`, in rows.

    `labels` (N, T) are the tokens of `input_ids` (N, T), IGNORED where not trained; `width` is the
    model's hidden size. Of shape (R, L): `input_ids`, `position_ids`, `segments` (3 g for the
    prefix of group g, 3 g + 1 and 3 g + 2 for its sides, ROOT, PADDING). `scored` (S,) says which
    positions, all rows one behind the other, have a next token that is trained; `labels` (1, S)
    those tokens. `places` (N, T - 1) says for every prediction of the padded batch which of the
    scored ones it is; S where it is none.
    """
    groups = len(input_ids) // sides
    tokens = input_ids[:, :-1].view(sides, groups, -1)
    targets = labels[:, 1:].reshape(tokens.shape)
    root = _in_common(tokens.flatten(0, 1), targets.flatten(0, 1))
    pieces = [_piece(tokens[:, i], targets[:, i], root, SEGMENTS * i) for i in range(groups)]
    first = _Piece(
        tokens=tokens[0, 0, :root],
        labels=targets[0, 0, :root],
        positions=torch.arange(root),
        segments=torch.full((root,), ROOT),
        sources=torch.empty(0),
    )
    rows = fill_rows([len(piece.tokens) for piece in pieces], width, root)
    lines = [[first, *(pieces[index] for index in row)] for row in rows]
    found = _laid_out([[piece.labels for piece in line] for line in lines], IGNORED)
    trained = found.flatten() != IGNORED
    sources = _sources(rows, pieces, root, found.shape[1])
    places = (trained.cumsum(0) - 1)[sources].masked_fill(targets == IGNORED, int(trained.sum()))
    return {
        "input_ids": _laid_out([[piece.tokens for piece in line] for line in lines], 0),
        "position_ids": _laid_out([[piece.positions for piece in line] for line in lines], 0),
        "segments": _laid_out([[piece.segments for piece in line] for line in lines], PADDING),
        "scored": trained.nonzero()[:, 0],
        "labels": found.flatten()[trained][None],
        "places": places.flatten(0, 1),
    }


def fill_rows(lengths: Sequence[int], width: int, root: int = 0) -> list[list[int]]:
    """Groups of these lengths shared out among rows, so that the model computes the least.

    Every row begins with a root of `root` tokens. Long rows have it less often, and little padding,
    but a mask with the square of their length, which dense attention pays for: per layer and token
    about 12 x width^2 multiplications in the weights (arXiv 2001.08361, 2.1) and 2 x width x
    (length of the row) in attention.
    """
    ways = [_fill(lengths, count) for count in range(1, len(lengths) + 1)]

    def longest(rows: list[list[int]]) -> int:
        return root + max(sum(lengths[index] for index in row) for row in rows)

    def cost(rows: list[list[int]]) -> int:
        return len(rows) * longest(rows) * (6 * width + longest(rows))

    return min([way for way in ways if longest(way) <= ROW_TOKENS] or ways[-1:], key=cost)


def _fill(lengths: Sequence[int], count: int) -> list[list[int]]:
    """The longest first, each into the row that is shortest so far."""
    rows: list[list[int]] = [[] for _ in range(count)]
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        min(rows, key=lambda row: sum(lengths[i] for i in row)).append(index)
    return rows


@dataclass(frozen=True, slots=True)
class _Piece:
    """A group in one line, behind the root; `sources` (sides, T - 1) says where a side's positions
    are in it, counted from its first token, so that those in the root are negative."""

    tokens: Tensor
    labels: Tensor
    positions: Tensor
    segments: Tensor
    sources: Tensor


def _piece(tokens: Tensor, labels: Tensor, root: int, segment: int) -> _Piece:
    """A group, given (sides, T - 1), without what stands behind the last prediction of a side."""
    columns = torch.arange(tokens.shape[1])
    ends = _ends(labels)
    common = _in_common(tokens, labels)
    spans = [(0, root, common), *((side, common, end) for side, end in enumerate(ends))]
    sources, before = [], -root
    for end in ends:
        sources.append(torch.where(columns < common, columns - root, columns + before))
        before += end - common
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


def _in_common(tokens: Tensor, labels: Tensor) -> int:
    """How many positions sequences begin with that are the same in all, up to the last prediction
    of any."""
    same = (tokens == tokens[0]).all(dim=0) & (labels == labels[0]).all(dim=0)
    return int(same[: min(_ends(labels))].long().cumprod(0).sum())


def _ends(labels: Tensor) -> list[int]:
    """How many positions each sequence has up to its last prediction."""
    counts = torch.arange(1, labels.shape[1] + 1)
    return counts.masked_fill(labels == IGNORED, 0).amax(dim=1).tolist()


def _sources(
    rows: Sequence[Sequence[int]], pieces: Sequence[_Piece], root: int, length: int
) -> Tensor:
    """Where each position of the padded batch is computed, all rows of `length` one behind the
    other, shape (sides, groups, T - 1); somewhere for those that are not."""
    found = torch.stack([piece.sources for piece in pieces], dim=1)
    for number, row in enumerate(rows):
        start = number * length
        at = start + root
        for index in row:
            behind = found[:, index] + at
            in_root = found[:, index] + start + root
            found[:, index] = torch.where(found[:, index] < 0, in_root, behind)
            at += len(pieces[index].tokens)
    return found.clamp(max=len(rows) * length - 1)


def _laid_out(lines: Sequence[Sequence[Tensor]], padding: int) -> Tensor:
    whole = [torch.cat(list(line)) for line in lines]
    return pad_sequence(whole, batch_first=True, padding_value=padding)

"""The layout of packed batches: what every prediction sees, and which groups share a row."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.packing import ROOT, ROW_TOKENS, fill_rows
from pipeline.training.prefix_sharing import attention
from tests.pipeline.training.rows import VOCABULARY, Row, batch_of, packed_of, row

TOKENS = st.lists(st.integers(1, VOCABULARY - 1), max_size=6)
PROMPTS = st.lists(st.integers(1, VOCABULARY - 1), min_size=1, max_size=6)
SIDES = st.builds(lambda tokens, last: [*tokens, last], TOKENS, st.integers(10, VOCABULARY - 1))
PAIRS = st.builds(
    lambda prompt, common, chosen, rejected: row(prompt, common + chosen, common + rejected),
    *(PROMPTS, TOKENS, SIDES, SIDES),
)


def test_a_packed_batch_stands_on_the_page() -> None:
    """Two pairs, which begin with 1 2. The first goes on with 3, then its sides, the trained 14 on
    both, as it has other successors; the second with 4, then 5 has other successors."""
    batch = batch_of([row([1, 2, 3], [14, 15], [14, 16, 17]), row([1, 2, 4, 5], [18], [19])])
    packed = packed_of(batch, width=4096)
    assert packed["input_ids"].tolist() == [[1, 2, 3, 14, 14, 16, 4, 5, 5]]
    assert packed["position_ids"].tolist() == [[0, 1, 2, 3, 3, 4, 2, 3, 3]]
    assert packed["segments"].tolist() == [[ROOT, ROOT, 0, 1, 2, 2, 3, 4, 5]]
    assert packed["scored"].tolist() == [2, 3, 4, 5, 7, 8]
    assert packed["labels"].tolist() == [[14, 15, 16, 17, 18, 19]]
    first, second = packed["places"].view(2, 2, 5).tolist()
    assert first == [[6, 6, 0, 1, 6], [6, 6, 6, 4, 6]]
    assert second == [[6, 6, 0, 2, 3], [6, 6, 6, 5, 6]]
    assert attention(packed["segments"])[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 1, 0, 0],
        [1, 1, 0, 0, 0, 0, 1, 1, 0],
        [1, 1, 0, 0, 0, 0, 1, 0, 1],
    ]


@given(
    rows=st.lists(PAIRS, min_size=1, max_size=5),
    root=st.lists(st.integers(1, 9), max_size=3),
    width=st.sampled_from([1, 8, 4096]),
    sides=st.sampled_from([1, 2]),
)
@settings(max_examples=200, deadline=None)
def test_every_prediction_sees_its_own_chain_and_nothing_else(
    rows: list[Row], root: list[int], width: int, sides: int
) -> None:
    batch = batch_of([row | {"prompt_ids": root + row["prompt_ids"]} for row in rows])
    packed = packed_of(batch, width, sides)
    seen = attention(packed["segments"])[:, 0].flatten(0, 1)
    length = packed["input_ids"].shape[1]
    predicted = 0
    for side, mask in enumerate(batch["completion_mask"].tolist()):
        for column, place in enumerate(packed["places"][side].tolist()):
            if not mask[column + 1]:
                assert place == len(packed["scored"])
                continue
            predicted += 1
            position = int(packed["scored"][place])
            row, visible = position // length, seen[position]
            assert packed["labels"][0, place] == batch["input_ids"][side, column + 1]
            assert packed["position_ids"][row][visible].tolist() == list(range(column + 1))
            expected = batch["input_ids"][side, : column + 1].tolist()
            assert packed["input_ids"][row][visible].tolist() == expected
    assert predicted == int(batch["completion_mask"].sum())


@given(rows=st.lists(PAIRS, min_size=1, max_size=5), sides=st.sampled_from([1, 2]))
@settings(max_examples=50, deadline=None)
def test_no_row_of_a_mask_is_empty(rows: list[Row], sides: int) -> None:
    """A token that sees nothing would be NaN, padding too."""
    batch = batch_of(rows)
    packed = packed_of(batch, 1, sides)
    assert attention(packed["segments"]).any(dim=-1).all()


@given(
    lengths=st.lists(st.integers(1, 6000), min_size=1, max_size=16),
    width=st.integers(1, 8192),
    root=st.integers(0, 6000),
)
def test_every_group_is_in_one_row_and_rows_are_bounded(
    lengths: list[int], width: int, root: int
) -> None:
    rows = fill_rows(lengths, width, root)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    longest = root + max(sum(lengths[index] for index in row) for row in rows)
    assert longest <= max(ROW_TOKENS, root + max(lengths))


def test_rows_are_as_long_as_attention_allows() -> None:
    """Four equal pairs: in one row nothing is saved and attention costs fourfold, unless what all
    begin with is long; one long pair and three short ones: two rows have no padding."""
    assert len(fill_rows([300, 300, 300, 300], 192, root=600)) == 1
    assert len(fill_rows([300, 300, 300, 300], 192)) == 4
    assert sorted(map(sorted, fill_rows([300, 100, 100, 100], 4096))) in (
        [[0], [1, 2, 3]],
        [[0, 1, 2, 3]],
    )

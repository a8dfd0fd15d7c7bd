"""The layout of packed batches: what every prediction attends to, which groups share a row."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.packing import BATCH_PREFIX, ROW_TOKENS, fill_rows
from pipeline.training.prefix_sharing import attention
from tests.pipeline.training.rows import VOCABULARY, Row, batch_of, packed_of, row

TOKENS = st.lists(st.integers(1, VOCABULARY - 1), max_size=6)
PROMPTS = st.lists(st.integers(1, VOCABULARY - 1), min_size=1, max_size=6)
SIDES = st.builds(lambda tokens, last: [*tokens, last], TOKENS, st.integers(10, VOCABULARY - 1))
PAIRS = st.builds(
    lambda prompt, common, chosen, rejected: row(prompt, common + chosen, common + rejected),
    *(PROMPTS, TOKENS, SIDES, SIDES),
)


def test_a_packed_batch_agrees_with_one_written_by_hand() -> None:
    """Two pairs with batch prefix 1 2. The first continues with 3; the trained 14 is on both sides,
    as its next tokens differ. The second continues with 4; the next tokens of 5 differ."""
    batch = batch_of([row([1, 2, 3], [14, 15], [14, 16, 17]), row([1, 2, 4, 5], [18], [19])])
    packed = packed_of(batch, width=4096)
    assert packed["input_ids"].tolist() == [[1, 2, 3, 14, 14, 16, 4, 5, 5]]
    assert packed["position_ids"].tolist() == [[0, 1, 2, 3, 3, 4, 2, 3, 3]]
    assert packed["segments"].tolist() == [[BATCH_PREFIX, BATCH_PREFIX, 0, 1, 2, 2, 3, 4, 5]]
    assert packed["scored"].tolist() == [2, 3, 4, 5, 7, 8]
    assert packed["labels"].tolist() == [[14, 15, 16, 17, 18, 19]]
    first, second = packed["scored_index"].view(2, 2, 5).tolist()
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
    prefix=st.lists(st.integers(1, 9), max_size=3),
    width=st.sampled_from([1, 8, 4096]),
    sides=st.sampled_from([1, 2]),
)
@settings(max_examples=200, deadline=None)
def test_every_prediction_attends_to_its_own_chain_only(
    rows: list[Row], prefix: list[int], width: int, sides: int
) -> None:
    batch = batch_of([row | {"prompt_ids": prefix + row["prompt_ids"]} for row in rows])
    packed = packed_of(batch, width, sides)
    mask_of = attention(packed["segments"])[:, 0].flatten(0, 1)
    length = packed["input_ids"].shape[1]
    predicted = 0
    for side, mask in enumerate(batch["completion_mask"].tolist()):
        for column, index in enumerate(packed["scored_index"][side].tolist()):
            if not mask[column + 1]:
                assert index == len(packed["scored"])
                continue
            predicted += 1
            position = int(packed["scored"][index])
            row, visible = position // length, mask_of[position]
            assert packed["labels"][0, index] == batch["input_ids"][side, column + 1]
            assert packed["position_ids"][row][visible].tolist() == list(range(column + 1))
            expected = batch["input_ids"][side, : column + 1].tolist()
            assert packed["input_ids"][row][visible].tolist() == expected
    assert predicted == int(batch["completion_mask"].sum())


@given(rows=st.lists(PAIRS, min_size=1, max_size=5), sides=st.sampled_from([1, 2]))
@settings(max_examples=50, deadline=None)
def test_no_row_of_the_mask_is_empty(rows: list[Row], sides: int) -> None:
    """A token that attends to nothing gives NaN, even padding."""
    batch = batch_of(rows)
    packed = packed_of(batch, 1, sides)
    assert attention(packed["segments"]).any(dim=-1).all()


@given(
    lengths=st.lists(st.integers(1, 6000), min_size=1, max_size=16),
    width=st.integers(1, 8192),
    prefix=st.integers(0, 6000),
)
def test_every_group_is_in_one_row_and_rows_are_bounded(
    lengths: list[int], width: int, prefix: int
) -> None:
    rows = fill_rows(lengths, width, prefix)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    longest = prefix + max(sum(lengths[index] for index in row) for row in rows)
    assert longest <= max(ROW_TOKENS, prefix + max(lengths))


def test_rows_are_as_long_as_attention_allows() -> None:
    """Four equal pairs in one row save nothing and cost four times the attention, unless the batch
    prefix is long. With one long pair and three short ones, two rows have no padding."""
    assert len(fill_rows([300, 300, 300, 300], 192, prefix=600)) == 1
    assert len(fill_rows([300, 300, 300, 300], 192)) == 4
    assert sorted(map(sorted, fill_rows([300, 100, 100, 100], 4096))) in (
        [[0], [1, 2, 3]],
        [[0, 1, 2, 3]],
    )

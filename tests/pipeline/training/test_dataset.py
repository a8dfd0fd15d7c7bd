"""Tokenized rows: drop or cut those that are too long, hold out problems, fill batches."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from pipeline.agent.loss_masks import IGNORED, encode_pair, encode_supervised
from pipeline.agent.transcript import ChatTemplate
from pipeline.recipe.training import Train
from pipeline.training.dataset import (
    Encoded,
    Prepared,
    cut_start,
    fill_batches,
    is_held_out,
    load_stored,
    prepare,
    prompt_length,
    store,
    tokens_of,
)

SYSTEM = {"role": "system", "content": "help with numbers " * 5}
QUESTION = {"role": "user", "content": "Ava has 3 bags of 4 pens. How many pens?"}
CALL = {"role": "assistant", "content": "multiply(a=3, b=4)"}
RESULT = {"role": "user", "content": "12"}
ANSWER = {"role": "assistant", "content": "answer(value=12)"}


def pair(problem: str, prompt: list[dict[str, str]], times: int = 1) -> dict[str, Any]:
    incorrect = {"role": "assistant", "content": "answer(value=13)"}
    return {
        "problem_id": problem,
        "prompt": prompt,
        "chosen": [CALL, RESULT] * times + [ANSWER],
        "rejected": [incorrect],
    }


@pytest.fixture
def row() -> dict[str, Any]:
    """A pair that diverges after one call."""
    return pair("p1", [SYSTEM, QUESTION, CALL, RESULT])


def prepared(row: dict[str, Any], template: ChatTemplate, **settings: Any) -> Prepared:
    return prepare([row], lambda r: encode_pair(r, template), template, Train(**settings), seed=0)


def test_a_row_that_fits_is_unchanged(row: dict[str, Any], template: ChatTemplate) -> None:
    whole = encode_pair(row, template)
    for too_long in ("drop", "cut_prompt"):
        result = prepared(row, template, max_tokens=tokens_of(whole), too_long=too_long)
        assert (result.train, result.too_long, result.cut) == ([whole], 0, 0)


def test_a_pair_that_is_too_long_is_dropped_and_counted(
    row: dict[str, Any], template: ChatTemplate
) -> None:
    longest = tokens_of(encode_pair(row, template)) - 1
    result = prepared(row, template, max_tokens=longest)
    assert (result.train, result.too_long, result.cut) == ([], 1, 0)


def test_a_cut_removes_only_the_start_of_the_prompt(
    row: dict[str, Any], template: ChatTemplate
) -> None:
    whole = encode_pair(row, template)
    result = prepared(row, template, max_tokens=tokens_of(whole) - 3, too_long="cut_prompt")
    assert (result.too_long, result.cut) == (0, 1)
    [cut] = result.train
    assert cut == whole | {"prompt_ids": whole["prompt_ids"][3:]}


def test_a_cut_never_reaches_the_first_call(
    row: dict[str, Any], template: ChatTemplate, tokenizer: PreTrainedTokenizerFast
) -> None:
    whole = encode_pair(row, template)
    length = prompt_length(row, template)
    before_call = str(tokenizer.decode(whole["prompt_ids"][:length]))
    assert CALL["content"] not in before_call and QUESTION["content"] in before_call
    limit = tokens_of(whole) - length
    furthest = prepared(row, template, max_tokens=limit + 1, too_long="cut_prompt")
    assert furthest.cut == 1
    beyond = prepared(row, template, max_tokens=limit, too_long="cut_prompt")
    assert (beyond.train, beyond.too_long) == ([], 1)


def test_a_supervised_row_is_cut_with_its_labels(template: ChatTemplate) -> None:
    row = {"problem_id": "p", "prompt": [SYSTEM, QUESTION], "completion": [CALL, RESULT, ANSWER]}
    whole = encode_supervised(row, template)
    cut = cut_start(whole, 5)
    assert cut == {name: ids[5:] for name, ids in whole.items()}
    trained = [label for label in whole["labels"] if label != IGNORED]
    assert [label for label in cut["labels"] if label != IGNORED] == trained


def test_pairs_of_one_group_are_held_out_together(template: ChatTemplate) -> None:
    rows = [pair(f"p{index}", [SYSTEM, QUESTION, CALL, RESULT]) for index in range(60)]
    groups = {row["problem_id"]: f"story {index % 6}" for index, row in enumerate(rows)}

    def heldout(groups: dict[str, str]) -> int:
        found = prepare(
            rows, lambda r: encode_pair(r, template), template, Train(heldout_pairs=0.4), 0, groups
        )
        return len(found.heldout)

    assert 0 < heldout(groups) < 60
    assert heldout(groups) % 10 == 0
    assert heldout({}) % 10
    assert heldout(dict.fromkeys(groups, "one")) in (0, 60)


def test_about_the_given_share_of_problems_is_held_out() -> None:
    heldout = [name for name in map(str, range(2000)) if is_held_out(name, 0.1, seed=0)]
    assert 150 < len(heldout) < 250
    assert all(is_held_out(name, 0.2, seed=0) for name in heldout)  # a larger share adds problems
    assert heldout != [name for name in map(str, range(2000)) if is_held_out(name, 0.1, seed=1)]
    assert not any(is_held_out(name, 0.0, seed=0) for name in heldout)


@given(st.integers(1, 40), st.integers(1, 16))
def test_filled_batches_contain_every_row_about_equally_often(count: int, batch: int) -> None:
    rows: list[Encoded] = [{"input_ids": [i]} for i in range(count)]
    whole = fill_batches(rows, batch)
    assert whole[:count] == rows
    assert len(whole) == -(-count // batch) * batch
    counts = Counter(row["input_ids"][0] for row in whole)
    assert set(counts) == set(range(count))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_stored_rows_are_loaded_and_counted(
    row: dict[str, Any], template: ChatTemplate, tmp_path: Path
) -> None:
    whole = encode_pair(row, template)
    store(Prepared([whole] * 3, [whole], too_long=2, cut=1), tmp_path, batch_size=2)
    train, heldout = load_stored(tmp_path)
    assert (len(train), len(heldout)) == (4, 1)  # held-out rows are not repeated
    assert {name: train[0][name] for name in whole} == whole
    facts = json.loads((tmp_path / "data.json").read_text())
    assert facts == {"rows": 3, "too_long": 2, "cut": 1, "heldout": 1}
    store(Prepared([whole], []), tmp_path, batch_size=2)  # without held-out rows
    assert load_stored(tmp_path)[1] is None

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.agent.loss_masks import IGNORED, encode, encode_pair, encode_supervised
from pipeline.agent.transcript import ChatTemplate
from pipeline.records import Message
from tests.pipeline.agent.scripted import TextTokenizer

OPENING = [
    {"role": "system", "content": "Call functions."},
    {"role": "user", "content": "Ava has 3 bags of 4 pens and loses 2. How many pens?"},
]
END = "<|end|>"


def _turns(*texts: str) -> list[Message]:
    """Replies and results by turns, a reply first."""
    roles = ("assistant", "user")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


CHOSEN = _turns("multiply(a=3, b=4)", "12", "subtract(a=12, b=2)", "10", "answer(value=10)")
REJECTED = _turns("multiply(a=3, b=4)", "12", "answer(value=12)")
SIDES = (CHOSEN, REJECTED)


def _pieces(tokenizer: TextTokenizer, ids: list[int], mask: list[int]) -> list[str]:
    """The trained stretches, as text."""
    found: list[list[int]] = []
    last = 0
    for token, trained in zip(ids, mask, strict=True):
        if trained:
            found += [] if last else [[]]
            found[-1].append(token)
        last = trained
    return [tokenizer.decode(piece) for piece in found]


def test_only_what_the_model_wrote_is_trained(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_pair({"prompt": OPENING, "chosen": CHOSEN, "rejected": REJECTED}, template)
    assert _pieces(tokenizer, row["chosen_ids"], row["chosen_mask"]) == [
        f"multiply(a=3, b=4){END}",
        f"subtract(a=12, b=2){END}",
        f"answer(value=10){END}",
    ]
    assert _pieces(tokenizer, row["rejected_ids"], row["rejected_mask"]) == [
        f"multiply(a=3, b=4){END}",
        f"answer(value=12){END}",
    ]


def test_results_and_marks_of_turns_are_in_the_text_but_not_trained(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_pair({"prompt": OPENING, "chosen": CHOSEN, "rejected": REJECTED}, template)
    others = [1 - trained for trained in row["chosen_mask"]]
    assert _pieces(tokenizer, row["chosen_ids"], others) == [
        "<|user|>12<|assistant|>",
        "<|user|>10<|assistant|>",
    ]


def test_prompt_and_side_together_are_what_the_template_renders(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_pair({"prompt": OPENING, "chosen": CHOSEN, "rejected": REJECTED}, template)
    for side, turns in (("chosen", CHOSEN), ("rejected", REJECTED)):
        text = tokenizer.apply_chat_template(OPENING + turns, tokenize=False)
        assert row["prompt_ids"] + row[f"{side}_ids"] == tokenizer.encode(text)


def test_turns_that_both_sides_share_are_prompt_and_not_trained(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    shared = CHOSEN[:2]
    pair = {"prompt": OPENING + shared, "chosen": CHOSEN[2:], "rejected": REJECTED[2:]}
    row = encode_pair(pair, template)
    prompt = tokenizer.decode(row["prompt_ids"])
    assert prompt.endswith(f"<|assistant|>multiply(a=3, b=4){END}<|user|>12<|assistant|>")
    assert _pieces(tokenizer, row["chosen_ids"], row["chosen_mask"]) == [
        f"subtract(a=12, b=2){END}",
        f"answer(value=10){END}",
    ]
    assert _pieces(tokenizer, row["rejected_ids"], row["rejected_mask"]) == [
        f"answer(value=12){END}"
    ]


def test_supervision_has_the_token_as_label_where_the_model_wrote_and_nowhere_else(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_supervised({"prompt": OPENING, "completion": CHOSEN}, template)
    text = tokenizer.apply_chat_template(OPENING + CHOSEN, tokenize=False)
    assert row["input_ids"] == tokenizer.encode(text)
    trained = [label != IGNORED for label in row["labels"]]
    assert _pieces(tokenizer, row["input_ids"], [int(one) for one in trained]) == [
        f"multiply(a=3, b=4){END}",
        f"subtract(a=12, b=2){END}",
        f"answer(value=10){END}",
    ]
    pairs = zip(row["input_ids"], row["labels"], strict=True)
    assert all(label in (token, IGNORED) for token, label in pairs)


def test_shared_turns_of_a_prompt_are_not_supervised(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_supervised({"prompt": OPENING + CHOSEN[:2], "completion": CHOSEN[2:4]}, template)
    trained = [int(label != IGNORED) for label in row["labels"]]
    assert _pieces(tokenizer, row["input_ids"], trained) == [f"subtract(a=12, b=2){END}"]


def test_a_prompt_alone_is_encoded_with_its_generation_prompt(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    alone = encode(OPENING, template)
    assert tokenizer.decode(alone.token_ids).endswith("How many pens?<|assistant|>")
    assert not any(alone.written)


@pytest.mark.train
def test_where_the_end_of_turn_pads_as_well_it_is_trained_and_the_padding_is_not(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    """A tokenizer without padding token pads with its end of text."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from pipeline.training.dpo import MaskedPreferenceCollator

    end = tokenizer.convert_tokens_to_ids(END)
    pair = encode_pair({"prompt": OPENING, "chosen": CHOSEN, "rejected": REJECTED}, template)
    batch = MaskedPreferenceCollator(pad_token_id=end)([pair])
    rows = [encode_supervised({"prompt": OPENING, "completion": c}, template) for c in SIDES]
    supervised = DataCollatorForLanguageModeling(pad_token_id=end)(rows)
    trained = (batch["completion_mask"] == 1, supervised["labels"] != IGNORED)
    for data, taught in zip((batch, supervised), trained, strict=True):
        assert data["input_ids"].equal(batch["input_ids"])
        for index, row in enumerate(rows):
            assert data["attention_mask"][index].sum() == len(row["input_ids"])
            tokens, mask = data["input_ids"][index].tolist(), taught[index].tolist()
            replies = [turn["content"] for turn in SIDES[index] if turn["role"] == "assistant"]
            assert _pieces(tokenizer, tokens, mask) == [reply + END for reply in replies]


TEXTS = st.lists(st.text("ab12=(,) +<é", min_size=1, max_size=8), min_size=1, max_size=5)


@given(chosen=TEXTS, rejected=TEXTS)
def test_masks_fit_their_tokens_whatever_the_turns_say(
    chosen: list[str],
    rejected: list[str],
    tokenizer: TextTokenizer,
    template: ChatTemplate,
) -> None:
    turns: dict[str, Any] = {"chosen": _turns(*chosen), "rejected": _turns(*rejected)}
    row = encode_pair({"prompt": OPENING} | turns, template)
    for side, texts in (("chosen", chosen), ("rejected", rejected)):
        ids, mask = row[f"{side}_ids"], row[f"{side}_mask"]
        assert set(mask) <= {0, 1}
        assert _pieces(tokenizer, ids, mask) == [text + END for text in texts[::2]]
        supervised = encode_supervised({"prompt": OPENING, "completion": turns[side]}, template)
        assert supervised["input_ids"] == row["prompt_ids"] + ids
        labels = supervised["labels"][len(row["prompt_ids"]) :]
        assert [int(label != IGNORED) for label in labels] == mask

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.agent.loss_masks import IGNORED, encode, encode_pair, encode_supervised
from pipeline.agent.transcript import ChatTemplate
from pipeline.records import Message
from tests.pipeline.agent.scripted import TextTokenizer

PROMPT = [
    {"role": "system", "content": "Call functions."},
    {"role": "user", "content": "Ava has 3 bags of 4 pens and loses 2. How many pens?"},
]
END = "<|end|>"


def _turns(*texts: str) -> list[Message]:
    """Alternating replies and results, a reply first."""
    roles = ("assistant", "user")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


CHOSEN = _turns("multiply(a=3, b=4)", "12", "subtract(a=12, b=2)", "10", "answer(value=10)")
REJECTED = _turns("multiply(a=3, b=4)", "12", "answer(value=12)")
SIDES = (CHOSEN, REJECTED)


def _trained_spans(tokenizer: TextTokenizer, ids: list[int], mask: list[int]) -> list[str]:
    """The trained spans, as text."""
    spans: list[list[int]] = []
    last = 0
    for token, trained in zip(ids, mask, strict=True):
        if trained:
            spans += [] if last else [[]]
            spans[-1].append(token)
        last = trained
    return [tokenizer.decode(span) for span in spans]


def test_only_tokens_that_the_model_wrote_are_trained(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_pair({"prompt": PROMPT, "chosen": CHOSEN, "rejected": REJECTED}, template)
    assert _trained_spans(tokenizer, row["chosen_ids"], row["chosen_mask"]) == [
        f"multiply(a=3, b=4){END}",
        f"subtract(a=12, b=2){END}",
        f"answer(value=10){END}",
    ]
    assert _trained_spans(tokenizer, row["rejected_ids"], row["rejected_mask"]) == [
        f"multiply(a=3, b=4){END}",
        f"answer(value=12){END}",
    ]


def test_results_and_turn_markers_are_not_trained(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_pair({"prompt": PROMPT, "chosen": CHOSEN, "rejected": REJECTED}, template)
    others = [1 - trained for trained in row["chosen_mask"]]
    assert _trained_spans(tokenizer, row["chosen_ids"], others) == [
        "<|user|>12<|assistant|>",
        "<|user|>10<|assistant|>",
    ]


def test_prompt_and_side_together_equal_the_rendered_text(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_pair({"prompt": PROMPT, "chosen": CHOSEN, "rejected": REJECTED}, template)
    for side, turns in (("chosen", CHOSEN), ("rejected", REJECTED)):
        text = tokenizer.apply_chat_template(PROMPT + turns, tokenize=False)
        assert row["prompt_ids"] + row[f"{side}_ids"] == tokenizer.encode(text)


def test_turns_in_the_prompt_of_a_pair_are_not_trained(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    shared = CHOSEN[:2]
    pair = {"prompt": PROMPT + shared, "chosen": CHOSEN[2:], "rejected": REJECTED[2:]}
    row = encode_pair(pair, template)
    prompt = tokenizer.decode(row["prompt_ids"])
    assert prompt.endswith(f"<|assistant|>multiply(a=3, b=4){END}<|user|>12<|assistant|>")
    assert _trained_spans(tokenizer, row["chosen_ids"], row["chosen_mask"]) == [
        f"subtract(a=12, b=2){END}",
        f"answer(value=10){END}",
    ]
    assert _trained_spans(tokenizer, row["rejected_ids"], row["rejected_mask"]) == [
        f"answer(value=12){END}"
    ]


def test_only_tokens_that_the_model_wrote_have_a_label(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_supervised({"prompt": PROMPT, "completion": CHOSEN}, template)
    text = tokenizer.apply_chat_template(PROMPT + CHOSEN, tokenize=False)
    assert row["input_ids"] == tokenizer.encode(text)
    trained = [label != IGNORED for label in row["labels"]]
    assert _trained_spans(tokenizer, row["input_ids"], [int(one) for one in trained]) == [
        f"multiply(a=3, b=4){END}",
        f"subtract(a=12, b=2){END}",
        f"answer(value=10){END}",
    ]
    pairs = zip(row["input_ids"], row["labels"], strict=True)
    assert all(label in (token, IGNORED) for token, label in pairs)


@pytest.mark.parametrize(("masks", "failed"), [(True, []), (False, [f"multiply(3{END}"])])
def test_a_reply_whose_call_failed_has_no_label(
    masks: bool, failed: list[str], tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    completion = [*_turns("multiply(3", "The call is not closed."), *CHOSEN]
    row = {"prompt": PROMPT, "completion": completion, "failed": [0]}
    encoded = encode_supervised(row, template, masks)
    whole = encode_supervised({"prompt": PROMPT, "completion": completion}, template)
    assert encoded["input_ids"] == whole["input_ids"]
    trained = [int(label != IGNORED) for label in encoded["labels"]]
    assert _trained_spans(tokenizer, encoded["input_ids"], trained) == [
        *failed,
        f"multiply(a=3, b=4){END}",
        f"subtract(a=12, b=2){END}",
        f"answer(value=10){END}",
    ]


def test_turns_in_the_prompt_have_no_labels(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    row = encode_supervised({"prompt": PROMPT + CHOSEN[:2], "completion": CHOSEN[2:4]}, template)
    trained = [int(label != IGNORED) for label in row["labels"]]
    assert _trained_spans(tokenizer, row["input_ids"], trained) == [f"subtract(a=12, b=2){END}"]


def test_prompt_messages_are_encoded_with_the_generation_prompt(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    alone = encode(PROMPT, template)
    assert tokenizer.decode(alone.token_ids).endswith("How many pens?<|assistant|>")
    assert not any(alone.written)


@pytest.mark.train
def test_the_end_of_turn_is_trained_but_not_the_padding_with_the_same_token(
    tokenizer: TextTokenizer, template: ChatTemplate
) -> None:
    """A tokenizer without a padding token pads with its end of text."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from pipeline.training.dpo import MaskedPreferenceCollator

    end = tokenizer.convert_tokens_to_ids(END)
    pair = encode_pair({"prompt": PROMPT, "chosen": CHOSEN, "rejected": REJECTED}, template)
    batch = MaskedPreferenceCollator(pad_token_id=end)([pair])
    rows = [encode_supervised({"prompt": PROMPT, "completion": c}, template) for c in SIDES]
    supervised = DataCollatorForLanguageModeling(pad_token_id=end)(rows)
    trained = (batch["completion_mask"] == 1, supervised["labels"] != IGNORED)
    for data, is_trained in zip((batch, supervised), trained, strict=True):
        assert data["input_ids"].equal(batch["input_ids"])
        for index, row in enumerate(rows):
            assert data["attention_mask"][index].sum() == len(row["input_ids"])
            tokens, mask = data["input_ids"][index].tolist(), is_trained[index].tolist()
            replies = [turn["content"] for turn in SIDES[index] if turn["role"] == "assistant"]
            assert _trained_spans(tokenizer, tokens, mask) == [reply + END for reply in replies]


TEXTS = st.lists(st.text("ab12=(,) +<é", min_size=1, max_size=8), min_size=1, max_size=5)


@given(chosen=TEXTS, rejected=TEXTS)
def test_masks_match_their_tokens_for_any_turns(
    chosen: list[str],
    rejected: list[str],
    tokenizer: TextTokenizer,
    template: ChatTemplate,
) -> None:
    turns: dict[str, Any] = {"chosen": _turns(*chosen), "rejected": _turns(*rejected)}
    row = encode_pair({"prompt": PROMPT} | turns, template)
    for side, texts in (("chosen", chosen), ("rejected", rejected)):
        ids, mask = row[f"{side}_ids"], row[f"{side}_mask"]
        assert set(mask) <= {0, 1}
        assert _trained_spans(tokenizer, ids, mask) == [text + END for text in texts[::2]]
        supervised = encode_supervised({"prompt": PROMPT, "completion": turns[side]}, template)
        assert supervised["input_ids"] == row["prompt_ids"] + ids
        labels = supervised["labels"][len(row["prompt_ids"]) :]
        assert [int(label != IGNORED) for label in labels] == mask

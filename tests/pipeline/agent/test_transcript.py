from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from pipeline.agent.loss_masks import encode
from pipeline.agent.transcript import ChatTemplate, Transcript
from tests.pipeline.agent.chat_families import CASES, FAMILIES, PROMPT, TURNS, chain, tokens
from tests.pipeline.agent.scripted import TextTokenizer


def _written(tokenizer: TextTokenizer, transcript: Transcript) -> list[str]:
    """The text spans that the model wrote."""
    spans, run = [], []
    for token, written in zip(
        [*transcript.token_ids, 0], [*transcript.written, False], strict=True
    ):
        if written:
            run.append(token)
        elif run:
            spans.append(tokenizer.decode(run))
            run = []
    return spans


@pytest.mark.parametrize(("name", "role"), CASES)
def test_a_transcript_equals_the_rendered_whole_conversation(
    name: str, role: str, tokenizers: dict[str, TextTokenizer]
) -> None:
    tokenizer = tokenizers[name]
    messages = (*PROMPT, *chain(role, *TURNS))
    transcript = encode(messages, ChatTemplate(tokenizer))
    tail = {"chatml": "\n", "gemma3": "\n"}.get(name, "")  # after the last end of turn
    rest = tokenizer.encode(tail, add_special_tokens=False)
    assert transcript.token_ids + rest == tokens(tokenizer, messages)
    end = FAMILIES[name].end if name in FAMILIES else "<|end|>"
    assert _written(tokenizer, transcript) == [reply + end for reply in TURNS[::2]]


LINE = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), min_size=1
)
CONTENT = LINE.map(str.strip).filter(bool)


@given(turns=st.lists(CONTENT, min_size=1, max_size=7), case=st.sampled_from(CASES))
def test_the_transcript_of_any_conversation_equals_the_rendered_text(
    turns: list[str], case: tuple[str, str], tokenizers: dict[str, TextTokenizer]
) -> None:
    name, role = case
    tokenizer = tokenizers[name]
    messages = (*PROMPT, *chain(role, *turns))
    transcript = encode(messages, ChatTemplate(tokenizer))
    more = messages[-1]["role"] != "assistant"
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=more)
    assert tokenizer.encode(text, add_special_tokens=False)[: len(transcript.token_ids)] == (
        transcript.token_ids
    )
    assert len(transcript.written) == len(transcript.token_ids)
    end = tokenizer.encode(FAMILIES[name].end if name in FAMILIES else "<|end|>")
    expected = [
        t for reply in turns[::2] for t in tokenizer.encode(reply, add_special_tokens=False) + end
    ]
    written = zip(transcript.token_ids, transcript.written, strict=True)
    assert [token for token, by_model in written if by_model] == expected


@pytest.mark.parametrize(("name", "role"), CASES)
def test_no_turn_ends_twice(name: str, role: str, tokenizers: dict[str, TextTokenizer]) -> None:
    tokenizer = tokenizers[name]
    template = ChatTemplate(tokenizer)
    transcript = Transcript(template, PROMPT)
    transcript.add_reply(template.reply("add(a=2, b=3)"))
    transcript.add_messages([{"role": role, "content": "5"}])
    end = template.reply("")[-1]
    assert end == tokenizer.convert_tokens_to_ids(
        FAMILIES[name].end if name in FAMILIES else "<|end|>"
    )
    following = zip(transcript.token_ids, transcript.token_ids[1:], strict=False)
    assert not any(one == other == end for one, other in following)


@pytest.mark.parametrize(("name", "role"), CASES)
def test_a_reply_cut_by_length_gets_its_end_of_turn_from_the_template(
    name: str, role: str, tokenizers: dict[str, TextTokenizer]
) -> None:
    tokenizer = tokenizers[name]
    template = ChatTemplate(tokenizer)
    cut = tokenizer.encode("add(a=2, b=", add_special_tokens=False)
    transcript = Transcript(template, PROMPT)
    transcript.add_reply(cut)
    start = len(transcript.token_ids)
    transcript.add_messages([{"role": role, "content": "What?"}])
    assert transcript.token_ids[start] == template.reply("")[-1]
    assert not any(transcript.written[start:])
    assert sum(transcript.written) == len(cut)
    messages = (*PROMPT, *chain(role, "add(a=2, b=", "What?"))
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    assert tokenizer.decode(transcript.token_ids) == text


def test_prompt_messages_end_with_the_generation_prompt_and_none_are_written_by_the_model(
    template: ChatTemplate, tokenizer: TextTokenizer
) -> None:
    transcript = Transcript(template, PROMPT)
    assert tokenizer.decode(transcript.token_ids) == (
        "<|system|>Call functions.<|user|>What is 2 + 3?<|assistant|>"
    )
    assert transcript.written == [False] * len(transcript.token_ids)


def test_sampled_tokens_are_not_retokenised(
    template: ChatTemplate, tokenizer: TextTokenizer
) -> None:
    letters = [tokenizer.convert_tokens_to_ids(letter) for letter in "add"]
    assert tokenizer.encode("add", add_special_tokens=False) != letters
    transcript = Transcript(template, PROMPT)
    start = len(transcript.token_ids)
    transcript.add_reply(letters)
    transcript.add_messages([{"role": "user", "content": "5"}])
    assert transcript.token_ids[start : start + 3] == letters


def test_a_result_may_contain_any_text(template: ChatTemplate, tokenizer: TextTokenizer) -> None:
    """Also the mark used to split the template."""
    messages = (*PROMPT, *chain("user", "add(a=2, b='REPLY-MARK')", "got 'REPLY-MARK'", "add(2)"))
    assert encode(messages, template).token_ids == tokens(tokenizer, messages)


def test_a_turn_that_ends_with_two_tokens_is_ended_once(tokenizer: PreTrainedTokenizerFast) -> None:
    """As in Cohere's Command A; a reply cut between the two tokens gets the second."""
    own = copy.deepcopy(tokenizer)
    own.add_special_tokens({"additional_special_tokens": ["<|END|>", "<|TURN|>"]})
    own.chat_template = (
        "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}"
        "{% if m.role == 'assistant' %}<|END|>{% endif %}<|TURN|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    template = ChatTemplate(own)
    whole = template.reply("add(2, 3)")
    for missing in range(3):
        transcript = Transcript(template, PROMPT)
        transcript.add_reply(whole[: len(whole) - missing])
        transcript.add_messages([{"role": "user", "content": "5"}])
        assert str(own.decode(transcript.token_ids)).endswith(
            "<|assistant|>add(2, 3)<|END|><|TURN|><|user|>5<|TURN|><|assistant|>"
        )
        assert sum(transcript.written) == len(whole) - missing

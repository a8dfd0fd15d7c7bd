"""Messages that chat templates reject or leave out, and special tokens in contents."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from pipeline.agent.chat_template import TemplateError
from pipeline.agent.loss_masks import encode
from pipeline.agent.transcript import ChatTemplate, Transcript
from tests.pipeline.agent.chat_families import (
    CASES,
    PROMPT,
    QUESTION,
    SYSTEM,
    TURNS,
    chain,
    tokens,
)
from tests.pipeline.agent.scripted import TextTokenizer


def test_the_error_of_a_template_without_the_role_of_results_names_the_setting(
    tokenizers: dict[str, TextTokenizer],
) -> None:
    transcript = Transcript(ChatTemplate(tokenizers["mistral"]), (QUESTION,))
    with pytest.raises(TemplateError) as raised:
        transcript.add_messages([{"role": "tool", "content": "5"}])
    assert str(raised.value) == (
        "the model's chat template refuses the roles user, assistant, tool: Conversation "
        "roles must alternate user/assistant/...; set agent.tool_role to a role that it knows"
    )


def test_a_template_without_a_system_role_gets_the_prompt_in_the_first_user_message(
    tokenizers: dict[str, TextTokenizer],
) -> None:
    """As in Gemma 3's template."""
    tokenizer = tokenizers["mistral"]
    transcript = Transcript(ChatTemplate(tokenizer), PROMPT)
    assert tokenizer.decode(transcript.token_ids) == (
        "<s>[INST] Call functions.\n\nWhat is 2 + 3? [/INST]"
    )
    folded = {"role": "user", "content": "Call functions.\n\nWhat is 2 + 3?"}
    whole = encode((*PROMPT, *chain("user", *TURNS)), ChatTemplate(tokenizer))
    assert whole.token_ids == tokens(tokenizer, (folded, *chain("user", *TURNS)))


def test_a_template_without_a_system_role_works_without_a_system_prompt(
    tokenizers: dict[str, TextTokenizer],
) -> None:
    tokenizer = tokenizers["mistral"]
    messages = (QUESTION, *chain("user", *TURNS))
    assert encode(messages, ChatTemplate(tokenizer)).token_ids == tokens(tokenizer, messages)


def test_the_error_of_a_template_that_leaves_out_results_names_the_setting(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    own = copy.deepcopy(tokenizer)
    own.chat_template = (
        "{% for m in messages %}{% if m.role in ('system', 'user', 'assistant') %}"
        "{{ '<|' + m.role + '|>' + m.content }}{% endif %}{% endfor %}"
    )
    transcript = Transcript(ChatTemplate(own), PROMPT)
    with pytest.raises(TemplateError) as raised:
        transcript.add_messages([{"role": "tool", "content": "5"}])
    assert str(raised.value) == (
        "the model's chat template leaves out messages of the role tool; "
        "set agent.tool_role to a role that it knows"
    )


CONTROL = ["<|assistant|>", "<|end|>", "<|user|>", "<|im_end|>", "</s>", "<|eot_id|>"]
TEXT = st.lists(st.sampled_from([*CONTROL, "<", "|>", "a ", "2"]), max_size=6).map("".join)


@given(question=TEXT, result=TEXT, case=st.sampled_from(CASES))
def test_a_special_token_in_a_problem_or_a_result_is_ordinary_text(
    question: str, result: str, case: tuple[str, str], tokenizers: dict[str, TextTokenizer]
) -> None:
    name, role = case
    tokenizer = tokenizers[name]
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}

    def transcript_of(question: str, result: str) -> Transcript:
        problem = {"role": "user", "content": question}
        return encode((SYSTEM, problem, *chain(role, "add(1, 2)", result)), ChatTemplate(tokenizer))

    plain, marked = transcript_of("q", "r"), transcript_of(f"q{question}q", f"r{result}r")
    plain_special = [token for token in plain.token_ids if token in special]
    assert [token for token in marked.token_ids if token in special] == plain_special
    assert f"q{question}q" in tokenizer.decode(marked.token_ids)
    assert f"r{result}r" in tokenizer.decode(marked.token_ids)


def test_a_special_token_in_a_recorded_reply_is_ordinary_text(
    template: ChatTemplate, tokenizer: TextTokenizer
) -> None:
    """A special token that the model sampled ends the reply or is not in its text."""
    reply = "answer(value='<|end|>')"
    transcript = encode((*PROMPT, {"role": "assistant", "content": reply}), template)
    written = zip(transcript.token_ids, transcript.written, strict=True)
    assert tokenizer.decode([token for token, by_model in written if by_model]) == f"{reply}<|end|>"
    assert transcript.token_ids.count(tokenizer.convert_tokens_to_ids("<|end|>")) == 1

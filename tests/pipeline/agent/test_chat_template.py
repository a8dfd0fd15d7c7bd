"""What chat templates refuse or leave out, and what a content may hold."""

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
    OPENING,
    QUESTION,
    SYSTEM,
    TURNS,
    chain,
    tokens,
)
from tests.pipeline.agent.scripted import TextTokenizer


def test_a_template_without_the_role_of_results_names_the_setting(
    tokenizers: dict[str, TextTokenizer],
) -> None:
    transcript = Transcript(ChatTemplate(tokenizers["mistral"]), (QUESTION,))
    with pytest.raises(TemplateError) as raised:
        transcript.add_message({"role": "tool", "content": "5"})
    assert str(raised.value) == (
        "the model's chat template refuses the roles user, assistant, tool: Conversation "
        "roles must alternate user/assistant/...; set agent.tool_role to a role that it knows"
    )


def test_a_template_without_a_system_role_has_it_in_front_of_the_users_first_message(
    tokenizers: dict[str, TextTokenizer],
) -> None:
    """As Gemma 3's template has it."""
    own = tokenizers["mistral"]
    transcript = Transcript(ChatTemplate(own), OPENING)
    assert own.decode(transcript.token_ids) == (
        "<s>[INST] Call functions.\n\nWhat is 2 + 3? [/INST]"
    )
    folded = {"role": "user", "content": "Call functions.\n\nWhat is 2 + 3?"}
    whole = encode((*OPENING, *chain("user", *TURNS)), ChatTemplate(own))
    assert whole.token_ids == tokens(own, (folded, *chain("user", *TURNS)))


def test_a_template_without_a_system_role_serves_where_none_is_needed(
    tokenizers: dict[str, TextTokenizer],
) -> None:
    own = tokenizers["mistral"]
    messages = (QUESTION, *chain("user", *TURNS))
    assert encode(messages, ChatTemplate(own)).token_ids == tokens(own, messages)


def test_a_template_that_leaves_results_out_names_the_setting(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    own = copy.deepcopy(tokenizer)
    own.chat_template = (
        "{% for m in messages %}{% if m.role in ('system', 'user', 'assistant') %}"
        "{{ '<|' + m.role + '|>' + m.content }}{% endif %}{% endfor %}"
    )
    transcript = Transcript(ChatTemplate(own), OPENING)
    with pytest.raises(TemplateError) as raised:
        transcript.add_message({"role": "tool", "content": "5"})
    assert str(raised.value) == (
        "the model's chat template leaves out messages of the role tool; "
        "set agent.tool_role to a role that it knows"
    )


CONTROL = ["<|assistant|>", "<|end|>", "<|user|>", "<|im_end|>", "</s>", "<|eot_id|>"]
NAMED = st.lists(st.sampled_from([*CONTROL, "<", "|>", "a ", "2"]), max_size=6).map("".join)


@given(question=NAMED, result=NAMED, case=st.sampled_from(CASES))
def test_what_reads_like_a_special_token_in_a_problem_or_a_result_is_ordinary_text(
    question: str, result: str, case: tuple[str, str], tokenizers: dict[str, TextTokenizer]
) -> None:
    name, role = case
    own = tokenizers[name]
    special = {*own.all_special_ids, *own.added_tokens_decoder}

    def asked(question: str, result: str) -> Transcript:
        problem = {"role": "user", "content": question}
        return encode((SYSTEM, problem, *chain(role, "add(1, 2)", result)), ChatTemplate(own))

    plain, named = asked("q", "r"), asked(f"q{question}q", f"r{result}r")
    marks = [token for token in plain.token_ids if token in special]
    assert [token for token in named.token_ids if token in special] == marks
    assert f"q{question}q" in own.decode(named.token_ids)
    assert f"r{result}r" in own.decode(named.token_ids)


def test_what_reads_like_a_special_token_in_a_reply_is_what_the_model_wrote(
    template: ChatTemplate, tokenizer: TextTokenizer
) -> None:
    """A model's own special tokens end its reply or are left out of its text."""
    reply = "answer(value='<|end|>')"
    transcript = encode((*OPENING, {"role": "assistant", "content": reply}), template)
    written = zip(transcript.token_ids, transcript.written, strict=True)
    assert tokenizer.decode([token for token, own in written if own]) == f"{reply}<|end|>"
    assert transcript.token_ids.count(tokenizer.convert_tokens_to_ids("<|end|>")) == 1

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AddedToken, PreTrainedTokenizerFast

from pipeline.masks import encode
from pipeline.records import Message
from pipeline.transcript import ChatTemplate, TemplateError, Transcript
from tests.pipeline.scripted import TextTokenizer

SYSTEM = {"role": "system", "content": "Call functions."}
QUESTION = {"role": "user", "content": "What is 2 + 3?"}
OPENING = (SYSTEM, QUESTION)


@dataclass(frozen=True)
class Family:
    """A chat template as a family of models has it; `unnamed` are special tokens without a role."""

    template: str
    end: str
    specials: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    bos: str | None = None


# After Qwen2.5: a line break behind the end of a turn, results of functions in a turn of the user.
CHATML = Family(
    end="<|im_end|>",
    specials=("<|im_start|>", "<|im_end|>"),
    template="""\
{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first)
        or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
)
# After Llama 3: a token that begins the text, header tokens, trimmed contents.
LLAMA3 = Family(
    end="<|eot_id|>",
    bos="<|begin_of_text|>",
    specials=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    template="""\
{% for message in messages %}{% set content = '<|start_header_id|>' + message['role']
 + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0
 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if
 add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}""",
)
# After Gemma 3: the system prompt joins the first turn of the user, the model is called model, the
# end of a turn is a special token that no name of the tokenizer points to, the text's end another.
GEMMA3 = Family(
    end="<end_of_turn>",
    bos="<bos>",
    unnamed=("<start_of_turn>", "<end_of_turn>"),
    template="""\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {{- message['content'] | trim }}
    {{- '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
""",
)
# After Mistral 7B v0.1: no system role, no role for results, strict turns.
MISTRAL = Family(
    end="</s>",
    bos="<s>",
    specials=("</s>",),
    template="""\
{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2
 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/...') }}{% endif %}{%
 if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif
 message['role'] == 'assistant' %}{{ message['content'] + eos_token}}{% else %}{{
 raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}""",
)
FAMILIES = {"chatml": CHATML, "llama3": LLAMA3, "gemma3": GEMMA3}
CASES = [("pocket", "user"), ("pocket", "tool"), ("chatml", "user"), ("chatml", "tool")]
CASES += [("llama3", "user"), ("llama3", "ipython"), ("gemma3", "user")]


def _tokenizer_of(family: Family, tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """A copy of the pocket tokenizer with the special tokens and the template of `family`."""
    own = copy.deepcopy(tokenizer)
    named: dict[str, Any] = {"additional_special_tokens": list(family.specials)}
    if family.end in family.specials:
        named["eos_token"] = family.end
    if family.bos:
        named["bos_token"] = family.bos
    own.add_special_tokens(named)
    own.add_tokens([AddedToken(token, special=True, normalized=False) for token in family.unnamed])
    own.chat_template = family.template
    return own


@pytest.fixture(scope="session")
def tokenizers(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """A tokenizer of each family."""
    families = FAMILIES | {"mistral": MISTRAL}
    own = {name: _tokenizer_of(family, tokenizer) for name, family in families.items()}
    return {"pocket": tokenizer, **own}


def _chain(role: str, *turns: str) -> tuple[Message, ...]:
    """Replies and results by turns, a reply first."""
    roles = ("assistant", role)
    return tuple({"role": roles[i % 2], "content": text} for i, text in enumerate(turns))


def _tokens(tokenizer: TextTokenizer, messages: Sequence[Message]) -> list[int]:
    text = tokenizer.apply_chat_template(list(messages), tokenize=False)
    return tokenizer.encode(text, add_special_tokens=False)


def _written(tokenizer: TextTokenizer, transcript: Transcript) -> list[str]:
    """The stretches of text that the model wrote."""
    found, run = [], []
    for token, written in zip(
        [*transcript.token_ids, 0], [*transcript.written, False], strict=True
    ):
        if written:
            run.append(token)
        elif run:
            found.append(tokenizer.decode(run))
            run = []
    return found


TURNS = ("multiply(a=3, b=4)", "12", "subtract(12, 2)", "10", "answer(value=10)")


@pytest.mark.parametrize(("name", "role"), CASES)
def test_a_transcript_is_what_the_template_renders_of_the_whole_conversation(
    name: str, role: str, tokenizers: dict[str, TextTokenizer]
) -> None:
    own = tokenizers[name]
    messages = (*OPENING, *_chain(role, *TURNS))
    transcript = encode(messages, ChatTemplate(own))
    tail = {"chatml": "\n", "gemma3": "\n"}.get(name, "")  # behind the last end of turn
    rest = own.encode(tail, add_special_tokens=False)
    assert transcript.token_ids + rest == _tokens(own, messages)
    end = FAMILIES[name].end if name in FAMILIES else "<|end|>"
    assert _written(own, transcript) == [reply + end for reply in TURNS[::2]]


LINE = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), min_size=1
)
CONTENT = LINE.map(str.strip).filter(bool)


@given(turns=st.lists(CONTENT, min_size=1, max_size=7), case=st.sampled_from(CASES))
def test_any_conversation_is_rendered_as_the_template_has_it(
    turns: list[str], case: tuple[str, str], tokenizers: dict[str, TextTokenizer]
) -> None:
    name, role = case
    own = tokenizers[name]
    messages = (*OPENING, *_chain(role, *turns))
    transcript = encode(messages, ChatTemplate(own))
    more = messages[-1]["role"] != "assistant"
    text = own.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=more)
    assert own.encode(text, add_special_tokens=False)[: len(transcript.token_ids)] == (
        transcript.token_ids
    )
    assert len(transcript.written) == len(transcript.token_ids)
    end = own.encode(FAMILIES[name].end if name in FAMILIES else "<|end|>")
    expected = [
        t for reply in turns[::2] for t in own.encode(reply, add_special_tokens=False) + end
    ]
    written = zip(transcript.token_ids, transcript.written, strict=True)
    assert [token for token, own in written if own] == expected


@pytest.mark.parametrize(("name", "role"), CASES)
def test_no_turn_ends_twice(name: str, role: str, tokenizers: dict[str, TextTokenizer]) -> None:
    own = tokenizers[name]
    template = ChatTemplate(own)
    transcript = Transcript(template, OPENING)
    transcript.add_reply(template.reply("add(a=2, b=3)"))
    transcript.add_message({"role": role, "content": "5"})
    end = template.end_of_turn
    assert end == own.convert_tokens_to_ids(FAMILIES[name].end if name in FAMILIES else "<|end|>")
    following = zip(transcript.token_ids, transcript.token_ids[1:], strict=False)
    assert not any(one == other == end for one, other in following)


@pytest.mark.parametrize(("name", "role"), CASES)
def test_a_reply_cut_by_length_gets_its_end_of_turn_from_the_template(
    name: str, role: str, tokenizers: dict[str, TextTokenizer]
) -> None:
    own = tokenizers[name]
    template = ChatTemplate(own)
    cut = own.encode("add(a=2, b=", add_special_tokens=False)
    transcript = Transcript(template, OPENING)
    transcript.add_reply(cut)
    start = len(transcript.token_ids)
    transcript.add_message({"role": role, "content": "What?"})
    assert transcript.token_ids[start] == template.end_of_turn
    assert not any(transcript.written[start:])
    assert sum(transcript.written) == len(cut)
    messages = (*OPENING, *_chain(role, "add(a=2, b=", "What?"))
    text = own.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    assert own.decode(transcript.token_ids) == text


def test_an_opening_brings_the_generation_prompt_and_nothing_written(
    template: ChatTemplate, tokenizer: TextTokenizer
) -> None:
    transcript = Transcript(template, OPENING)
    assert tokenizer.decode(transcript.token_ids) == (
        "<|system|>Call functions.<|user|>What is 2 + 3?<|assistant|>"
    )
    assert transcript.written == [False] * len(transcript.token_ids)


def test_sampled_tokens_are_kept_even_where_the_tokenizer_would_choose_others(
    template: ChatTemplate, tokenizer: TextTokenizer
) -> None:
    letters = [tokenizer.convert_tokens_to_ids(letter) for letter in "add"]
    assert tokenizer.encode("add", add_special_tokens=False) != letters
    transcript = Transcript(template, OPENING)
    start = len(transcript.token_ids)
    transcript.add_reply(letters)
    transcript.add_message({"role": "user", "content": "5"})
    assert transcript.token_ids[start : start + 3] == letters


def test_a_result_may_hold_any_text(template: ChatTemplate, tokenizer: TextTokenizer) -> None:
    """Also the mark by which the template is cut."""
    messages = (*OPENING, *_chain("user", "add(a=2, b='REPLY-MARK')", "got 'REPLY-MARK'", "add(2)"))
    assert encode(messages, template).token_ids == _tokens(tokenizer, messages)


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


def test_a_template_without_a_system_role_is_refused_by_name(
    tokenizers: dict[str, TextTokenizer],
) -> None:
    with pytest.raises(TemplateError, match=r"refuses the roles system, user: .*must alternate"):
        Transcript(ChatTemplate(tokenizers["mistral"]), OPENING)


def test_a_template_without_a_system_role_serves_where_none_is_needed(
    tokenizers: dict[str, TextTokenizer],
) -> None:
    own = tokenizers["mistral"]
    messages = (QUESTION, *_chain("user", *TURNS))
    assert encode(messages, ChatTemplate(own)).token_ids == _tokens(own, messages)

"""Shortened chat templates of model families, with calls and results as plain text, and a tokenizer
for each: the pocket tokenizer with the family's special tokens."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from transformers import AddedToken, PreTrainedTokenizerFast

from pipeline.records import Message
from tests.pipeline.agent.scripted import TextTokenizer

SYSTEM = {"role": "system", "content": "Call functions."}
QUESTION = {"role": "user", "content": "What is 2 + 3?"}
PROMPT = (SYSTEM, QUESTION)
TURNS = ("multiply(a=3, b=4)", "12", "subtract(12, 2)", "10", "answer(value=10)")


@dataclass(frozen=True)
class Family:
    """A model family's chat template and special tokens; `unnamed` ones have no role."""

    template: str
    end: str
    specials: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    bos: str | None = None


# After Qwen2.5: a line break after the end of a turn, function results in a user turn.
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
# After Llama 3: a token that starts the text, header tokens, trimmed contents.
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
# After Gemma 3: the system prompt is part of the first user turn, the role of the model is "model",
# the end of a turn is a special token without a name, different from the end of the text.
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


def tokenizers_of(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """A tokenizer of each family, and the pocket `tokenizer` itself."""
    families = FAMILIES | {"mistral": MISTRAL}
    return {"pocket": tokenizer} | {
        name: _tokenizer_of(f, tokenizer) for name, f in families.items()
    }


def chain(role: str, *turns: str) -> tuple[Message, ...]:
    """Alternating replies and results, a reply first."""
    roles = ("assistant", role)
    return tuple({"role": roles[i % 2], "content": text} for i, text in enumerate(turns))


def tokens(tokenizer: TextTokenizer, messages: Sequence[Message]) -> list[int]:
    """The tokens of the messages as the template renders them."""
    text = tokenizer.apply_chat_template(list(messages), tokenize=False)
    return tokenizer.encode(text, add_special_tokens=False)


def _tokenizer_of(family: Family, tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """A copy of the pocket tokenizer with the special tokens and the template of `family`."""
    changed = copy.deepcopy(tokenizer)
    named: dict[str, Any] = {"additional_special_tokens": list(family.specials)}
    if family.end in family.specials:
        named["eos_token"] = family.end
    if family.bos:
        named["bos_token"] = family.bos
    changed.add_special_tokens(named)
    changed.add_tokens(
        [AddedToken(token, special=True, normalized=False) for token in family.unnamed]
    )
    changed.chat_template = family.template
    return changed

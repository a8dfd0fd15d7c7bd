"""Small tokenizers with the special tokens and shortened chat templates of model families that have
their own call format; copies of the pocket tokenizer, so nothing is downloaded."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class CallingFamily:
    """A model family: its chat template, special tokens, call format, and vLLM's parser for it.

    `turn` opens a model turn; `call` is add(a=2, b=3) as the template renders it.
    """

    parser: str
    template: str
    specials: tuple[str, ...]
    end: str
    turn: str
    call: str
    bos: str | None = None


# After Qwen2.5, which uses the call format of Hermes 2 Pro.
HERMES = CallingFamily(
    parser="hermes",
    specials=("<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"),
    end="<|im_end|>",
    turn="<|im_start|>assistant\n",
    call='<tool_call>\n{"name": "add", "arguments": {"a": 2, "b": 3}}\n</tool_call>',
    template="""\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
    {{- "# Tools\\n<tools>" }}
    {%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
        {%- for tool_call in message.tool_calls %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.function.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.function.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
""",
)

# After Llama 3.1: tools in the first user turn, calls as bare JSON with "parameters".
LLAMA3 = CallingFamily(
    parser="llama3_json",
    specials=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|python_tag|>"),
    end="<|eot_id|>",
    turn="<|start_header_id|>assistant<|end_header_id|>\n\n",
    call='{"name": "add", "parameters": {"a": 2, "b": 3}}',
    bos="<|begin_of_text|>",
    template="""\
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
    {{- messages[0]['content']|trim + "<|eot_id|>" }}
    {%- set messages = messages[1:] %}
{%- endif %}
{%- if tools is not none and tools is defined %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\nRespond with a function call.\\n\\n' }}
    {%- for t in tools %}{{- t | tojson }}{{- "\\n\\n" }}{%- endfor %}
    {{- messages[0]['content']|trim + "<|eot_id|>"}}
    {%- set messages = messages[1:] %}
{%- endif %}
{%- for message in messages %}
    {%- if 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {{- message.content | tojson }}
        {{- "<|eot_id|>" }}
    {%- else %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
        {{- message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
)

# After Mistral 7B Instruct v0.3: no generation prompt; the model writes call ids of nine letters
# and digits.
MISTRAL = CallingFamily(
    parser="mistral",
    specials=(
        *("[INST]", "[/INST]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
        *("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "</s>"),
    ),
    end="</s>",
    turn="[/INST]",
    call='[TOOL_CALLS] [{"name": "add", "arguments": {"a": 2, "b": 3}, "id": "call00000"}]',
    bos="<s>",
    template="""\
{{- bos_token }}
{%- if messages[0].role == "system" %}
    {%- set system_message = messages[0].content %}
    {%- set messages = messages[1:] %}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" %}
        {%- if tools is not none and loop.first %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {{- tool | tojson }}{%- if not loop.last %}{{- ", " }}{%- endif %}
            {%- endfor %}
            {{- "][/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.first and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message.content + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message.content + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}
                {{- raise_exception("Tool call IDs should be strings with length 9!") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
        {%- endfor %}
        {{- "]" + eos_token }}
    {%- elif message.role == "assistant" %}
        {{- " " + message.content + eos_token }}
    {%- elif message.role == "tool" %}
        {%- if loop.index0 == 0 or not messages[loop.index0 - 1].tool_calls %}
            {{- raise_exception("Not the same number of function calls and responses!") }}
        {%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + message.content|string }}
        {{- ', "call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- endif %}
{%- endfor %}
""",
)

# After ToolACE and Llama 3.2: calls as a list in Python syntax.
PYTHONIC = CallingFamily(
    parser="pythonic",
    specials=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    end="<|eot_id|>",
    turn="<|start_header_id|>assistant<|end_header_id|>\n\n",
    call="[add(a=2, b=3)]",
    bos="<|begin_of_text|>",
    template="""\
{{- bos_token }}
{%- if tools %}
    {{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
    {%- for t in tools %}{{- t | tojson }}{{- "\\n" }}{%- endfor %}
    {{- "<|eot_id|>" }}
{%- endif %}
{%- for message in messages %}
    {%- set role = 'ipython' if message.role == 'tool' else message.role %}
    {{- '<|start_header_id|>' + role + '<|end_header_id|>\\n\\n' }}
    {%- if message.tool_calls %}
        {{- '[' }}
        {%- for tool_call in message.tool_calls %}
            {{- tool_call.function.name + '(' }}
            {%- for key, value in tool_call.function.arguments.items() %}
                {{- key + '=' + value | tojson }}{%- if not loop.last %}{{- ', ' }}{%- endif %}
            {%- endfor %}
            {{- ')' }}{%- if not loop.last %}{{- ', ' }}{%- endif %}
        {%- endfor %}
        {{- ']' }}
    {%- else %}
        {{- message.content }}
    {%- endif %}
    {{- '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
)
FAMILIES = {family.parser: family for family in (HERMES, LLAMA3, MISTRAL, PYTHONIC)}


def tokenizer_of(
    family: CallingFamily, tokenizer: PreTrainedTokenizerFast
) -> PreTrainedTokenizerFast:
    """A copy of the pocket `tokenizer` with the special tokens and the template of `family`."""
    changed = copy.deepcopy(tokenizer)
    named: dict[str, Any] = {"additional_special_tokens": list(family.specials)}
    named["eos_token"] = family.end
    if family.bos:
        named["bos_token"] = family.bos
    changed.add_special_tokens(named)
    changed.chat_template = family.template
    return changed

# ruff: noqa: RUF001  # DeepSeek's tokens contain a full-width bar
"""Expectations for each chat template that TRL ships in `trl/chat_templates`, and a tokenizer for
each: the pocket tokenizer with the template's special tokens and GPT-2's pre-tokenizer. The pocket
pre-tokenizer may join a colon and the next space, so that a token could span the end of a role in
plain text (`Assistant: `) and the start of a reply.

The tests are in `test_shipped_templates.py`.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, replace
from pathlib import Path

import trl
from tokenizers import pre_tokenizers
from transformers import AddedToken, PreTrainedTokenizerFast

FOLDER = Path(trl.__file__).with_name("chat_templates")
NAMES = sorted(file.stem for file in FOLDER.glob("*.jinja"))

Change = tuple[str, str]
"""A pattern in the template's text, and its replacement in our text."""


@dataclass(frozen=True)
class Expected:
    """How a template renders a chain, and which part of it the model writes.

    `user`, `tool` and `native` are for results with role user, with role tool, and for dialect
    native: the error message, or the differences between the template's text and ours, if the
    template renders earlier turns differently from the text that the model wrote.
    """

    end: str  # written by the model after a reply
    call: str = ""  # add(a=2, b=3) in dialect native
    call_end: str | None = None  # written by the model after a call; None: `end`
    lead: str = ""  # written by the model before a reply
    channel: bool = False  # in dialect inject, the prompt ends with the lead
    tail: str = ""  # written by the template after the last turn's `end`
    open: bool = False  # the template does not end the last turn
    parts: bool = False  # contents are lists of parts
    folds: bool = False  # the system prompt is in front of the user's first message
    user: str | tuple[Change, ...] = ()
    tool: str | tuple[Change, ...] = ()
    native: str | tuple[Change, ...] = ()


NO_TOOLS = (
    "the model's chat template takes no tools; set agent.dialect=inject, which writes the "
    "functions into the prompt"
)
NO_CALLS = (
    "the model's chat template leaves out the calls of earlier turns; set agent.dialect=inject"
)
NO_RESULTS = (
    "the model's chat template leaves out messages of the role tool; "
    "set agent.tool_role to a role that it knows"
)


def _refused(reason: str) -> str:
    return (
        f"the model's chat template refuses the roles user, assistant, tool: {reason}; "
        "set agent.tool_role to a role that it knows"
    )


ALTERNATE = _refused("Conversation roles must alternate user/assistant/user/assistant/...")

CLOSED = "\n</think>\n\n"
EMPTY = "<think>\n" + CLOSED
HERMES = '<tool_call>\n{"name": "add", "arguments": {"a": 2, "b": 3}}\n</tool_call>'
XML = (
    "<tool_call>\n<function=add>\n<parameter=a>\n2\n</parameter>\n<parameter=b>\n3\n</parameter>\n"
    "</function>\n</tool_call>"
)
CHATML = Expected(end="<|im_end|>", tail="\n", call=HERMES)
# Renders no reasoning in earlier turns; ours keeps the one that the generation prompt opened.
OPENED = ((r"(<\|im_start\|>assistant\n)(?!<think>)", rf"\g<1>{EMPTY}"),)

COHERE = Expected(end="<|END_OF_TURN_TOKEN|>", tool=ALTERNATE, native=NO_TOOLS)
COHERE2 = Expected(end="<|END_RESPONSE|><|END_OF_TURN_TOKEN|>", tool=NO_RESULTS, native=NO_TOOLS)
# No setting helps: earlier turns lack the reasoning that every generation prompt opens.
DEEPSEEK_OPENED = (r"(<｜Assistant｜>)(?!<think>)", rf"\g<1>{EMPTY}")
DEEPSEEK_RESULTS = (
    r"(?<=<｜end▁of▁sentence｜>)\n?<｜tool▁output▁begin｜>",
    "<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>",
)
DEEPSEEK = Expected(
    end="<｜end▁of▁sentence｜>",
    lead=CLOSED,
    user=(DEEPSEEK_OPENED,),
    tool=(DEEPSEEK_OPENED, DEEPSEEK_RESULTS),
    native=NO_TOOLS,
)
GEMMA3 = Expected(end="<end_of_turn>", tail="\n", tool=ALTERNATE, native=NO_TOOLS)
GEMMA = replace(GEMMA3, folds=True)
GEMMA4 = Expected(
    end="<turn|>",
    tail="\n",
    tool=NO_RESULTS,
    call="<|tool_call>call:add{a:2,b:3}<tool_call|>",
    call_end="<|tool_response>",
)
GEMMA4_V2 = replace(GEMMA4, tool=(), call_end="<turn|>")
# Opens a new turn after a result, but the generation prompt continues the same turn.
DIFFUSION_GEMMA = replace(GEMMA4, native=((r"(<tool_response\|>)<\|turn>model\n", r"\g<1>"),))
GLM = Expected(
    end="<|user|>",
    lead="\n<think></think>\n",
    call=(
        "\n<think></think>\n<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>2</arg_value>\n<arg_key>b</arg_key>\n"
        "<arg_value>3</arg_value>\n</tool_call>"
    ),
    call_end="<|observation|>",
)
# A reply ends with the token that opens the next turn: the user's, if the reply has no call.
GLM_OPEN = replace(GLM, open=True, tool=((r"<\|observation\|>", "<|user|><|observation|>"),))
# The template renders <|end|> instead of the <|return|> that the model writes; ours keeps it.
RETURNS = ((r"(final<\|message\|>[^<]*)<\|end\|>", r"\g<1><|return|>"),)
GPTOSS = Expected(
    end="<|return|>",
    lead="<|channel|>final<|message|>",
    channel=True,
    call=' to=functions.add<|channel|>commentary json<|message|>{"a": 2, "b": 3}',
    call_end="<|call|>",
    user=RETURNS,
    tool=_refused(
        "Message has tool role, but there was no previous assistant message with a tool call!"
    ),
    native=RETURNS,
)
IDEFICS = Expected(end="<end_of_utterance>", lead=" ", tail="\n", parts=True, native=NO_TOOLS)
LFM2 = replace(CHATML, call="<|tool_call_start|>[add(a=2, b=3)]<|tool_call_end|>")
LLAMA3_1 = Expected(end="<|eot_id|>", call='{"name": "add", "parameters": {"a": 2, "b": 3}}')
LLAVA = Expected(
    end="</s>",
    lead=" ",
    tail=" ",
    parts=True,
    tool=_refused("Only user and assistant roles are supported!"),
    native=NO_TOOLS,
)
MUSE = Expected(
    end="<|eot|>",
    lead=" to=user<|message|>",
    channel=True,
    call=(
        ' to=add<|message|><atem:function_calls>\n<atem:invoke name="add">\n'
        '<atem:parameter name="a">2</atem:parameter>\n'
        '<atem:parameter name="b">3</atem:parameter>\n</atem:invoke>\n</atem:function_calls>'
    ),
)
# The generation prompt opens a reasoning with a line break, which earlier turns lack.
BREAKS = ((r"<think></think>", "<think>\n</think>"),)
NEMOTRON = replace(
    CHATML,
    lead="</think>",
    call=f"</think>\n{XML}\n",
    user=BREAKS,
    tool=BREAKS,
    native=BREAKS,
)
PHI3 = Expected(end="<|end|>", tail="\n<EOS>", tool=NO_RESULTS, native=NO_TOOLS)
# Only the last turn has the empty reasoning; ours has it in no turn.
LAST = ((EMPTY, ""),)
QWEN3 = replace(CHATML, user=LAST, tool=LAST, native=LAST)
QWEN3_5 = replace(CHATML, lead=CLOSED, call=CLOSED + XML)
# agent.tool_role=tool helps: turns after the last user message keep their reasoning.
QWEN3_5_DROPS = replace(QWEN3_5, user=OPENED, native=OPENED)
QWEN3_5_NOTHINK = replace(CHATML, call=XML)

SHIPPED = {
    **dict.fromkeys(("cohere", "cohere_training"), COHERE),
    **dict.fromkeys(("cohere2", "cohere2_training"), COHERE2),
    **dict.fromkeys(("deepseek_r1_distill", "deepseek_r1_distill_training"), DEEPSEEK),
    **dict.fromkeys(("deepseekv3", "deepseekv3_training"), DEEPSEEK),
    **dict.fromkeys(("diffusion_gemma", "diffusion_gemma_training"), DIFFUSION_GEMMA),
    **dict.fromkeys(("gemma", "gemma_training"), GEMMA),
    **dict.fromkeys(("gemma3", "gemma3_training"), GEMMA3),
    **dict.fromkeys(("gemma4", "gemma4_v3", "gemma4_v4", "gemma4_v5"), GEMMA4),
    "gemma4_v2": GEMMA4_V2,
    "glm4moe": GLM_OPEN,
    "glm4moe_training": GLM,
    **dict.fromkeys(("gptoss", "gptoss_training"), GPTOSS),
    **dict.fromkeys(("idefics3", "idefics3_training", "smolvlm", "smolvlm_training"), IDEFICS),
    **dict.fromkeys(("lfm2", "lfm2_training"), replace(CHATML, native=NO_CALLS)),
    **dict.fromkeys(("lfm2_2_5", "lfm2_2_5_v2", "lfm2_2_5_vl"), LFM2),
    **dict.fromkeys(("lfm2_v2", "lfm2_v2_training"), LFM2),
    **dict.fromkeys(("llama3", "llama3_training"), replace(LLAMA3_1, native=NO_TOOLS)),
    **dict.fromkeys(("llama3_1", "llama3_2"), LLAMA3_1),
    **dict.fromkeys(("llava_next", "llava_next_training"), LLAVA),
    **dict.fromkeys(("muse_glimmer", "muse_glimmer_training"), MUSE),
    **{
        f"nemotron_3_{size}{variant}": NEMOTRON
        for size in ("5_lightning", "nano", "super", "ultra")
        for variant in ("", "_training")
    },
    **dict.fromkeys(("phi3", "phi3_training", "phi3_5", "phi3_5_training"), PHI3),
    **dict.fromkeys(("qwen2_5", "qwen2_5_training", "qwen3_vl", "qwen3_vl_training"), CHATML),
    **dict.fromkeys(("qwen3_instruct_2507", "qwen3_instruct_2507_training"), CHATML),
    **dict.fromkeys(("qwen2_5_vl", "qwen2_5_vl_training"), replace(CHATML, native=NO_TOOLS)),
    "qwen3": QWEN3,
    "qwen3_training": replace(CHATML, lead=EMPTY, call=EMPTY + HERMES),
    "qwen3_5_nothink": replace(QWEN3_5_NOTHINK, user=OPENED, native=OPENED),
    "qwen3_5_nothink_training": QWEN3_5_NOTHINK,
    **dict.fromkeys(("qwen3_5_think", "qwen3_6"), QWEN3_5_DROPS),
    **dict.fromkeys(("qwen3_5_think_training", "qwen3_6_training"), QWEN3_5),
    **dict.fromkeys(("qwen3_8", "qwen3_8_training"), QWEN3_5),
}

# Result roles for which a template keeps the reasoning of earlier turns (only templates that detect
# reasoning by its tags). If tool is listed and user is not, agent.tool_role=tool helps.
KEEPS_REASONING = {
    **dict.fromkeys(("deepseek_r1_distill", "deepseekv3", "deepseekv3_training"), ()),
    **dict.fromkeys(("glm4moe", "glm4moe_training"), ("tool",)),
    **dict.fromkeys(("lfm2_2_5", "lfm2_2_5_v2", "lfm2_2_5_vl"), ("tool",)),
    **dict.fromkeys(("qwen3", "qwen3_5_nothink", "qwen3_5_think", "qwen3_6"), ("tool",)),
    **dict.fromkeys((name for name in SHIPPED if name.startswith("nemotron")), ("user", "tool")),
    **dict.fromkeys(("qwen3_training", "qwen3_5_nothink_training"), ("user", "tool")),
    **dict.fromkeys(("qwen3_5_think_training", "qwen3_6_training"), ("user", "tool")),
    **dict.fromkeys(("qwen3_8", "qwen3_8_training"), ("user", "tool")),
    "deepseek_r1_distill_training": ("user", "tool"),
}

# Render no text before a call, or render it after the call's result.
LEAVES_OUT_TEXT_BEFORE_A_CALL = {
    *("diffusion_gemma", "diffusion_gemma_training", "llama3_1", "llama3_2"),
    *("gemma4", "gemma4_v3", "gemma4_v4", "gemma4_v5", "muse_glimmer", "muse_glimmer_training"),
}

_SPECIAL = re.compile(
    r"<\|[^|<>\s]*\|>|<\|[a-z_]+>|<[a-z_]+\|>|<｜[^｜]+｜>|<(?:start|end)_of_[a-z]+>"
    r"|\[gMASK\]|<sop>|</s>"
)
_ORDINARY = ("<think>", "</think>", "<tool_call>", "</tool_call>")  # tokens that are not special


def tokenizer_of(name: str, tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """A copy of the pocket `tokenizer` with template `name`, unchanged, and its special tokens."""
    template = (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
    changed = copy.deepcopy(tokenizer)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    changed.backend_tokenizer.pre_tokenizer = byte_level  # type: ignore[assignment]  # their stubs
    changed.add_special_tokens({"bos_token": "<BOS>", "eos_token": "<EOS>"})
    for special, texts in ((True, sorted({*_SPECIAL.findall(template)})), (False, _ORDINARY)):
        changed.add_tokens([AddedToken(text, special=special, normalized=False) for text in texts])
    changed.chat_template = template
    return changed

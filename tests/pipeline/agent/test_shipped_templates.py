"""Loss masks on every chat template that TRL ships, unchanged: only the model's tokens are trained.

A template added by a new TRL fails here until `shipped.py` has an expectation for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

import toolsets
from pipeline.agent.loss_masks import encode
from pipeline.agent.native import call_id, tools_of
from pipeline.agent.transcript import ChatTemplate, TemplateError, Transcript
from pipeline.records import Message
from tests.pipeline.agent.shipped import (
    DEEPSEEK,
    KEEPS_REASONING,
    LEAVES_OUT_TEXT_BEFORE_A_CALL,
    NAMES,
    SHIPPED,
    Expected,
    tokenizer_of,
)

TOOLS = tools_of(toolsets.load("arithmetic[add,divide]"))
SYSTEM, QUESTION = "Call functions.", "What is 2 + 3, and what 2 / 0?"
PROMPT = ({"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION})
BAD, ADVICE = "No idea.", "Reply with one call."
SUM, ERROR = "Five it is", "divide: division by zero"


def _injected(role: str) -> list[Message]:
    """Two valid calls, one reply without a call and one call that fails."""
    turns = ("add(a=2, b=3)", SUM, BAD, ADVICE, "divide(a=2, b=0)", ERROR, "answer(value=5)")
    roles = ("assistant", role)
    return [*PROMPT, *({"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns))]


def _call_message(name: str) -> Message:
    function = {"name": name, "arguments": {"a": 2, "b": 3}}
    calls = [{"id": call_id(), "type": "function", "function": function}]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def _result_message(name: str, content: str) -> Message:
    return {"role": "tool", "tool_call_id": call_id(), "name": name, "content": content}


NATIVE = [
    *PROMPT,
    *(_call_message("add"), _result_message("add", SUM)),
    *({"role": "assistant", "content": BAD}, {"role": "user", "content": ADVICE}),
    *(_call_message("divide"), _result_message("divide", ERROR)),
    *(_call_message("divide"), _result_message("divide", ERROR)),
    _call_message("answer"),
]
MODES: dict[str, tuple[list[Message], Any]] = {
    "user": (_injected("user"), None),
    "tool": (_injected("tool"), None),
    "native": (NATIVE, TOOLS),
}


def test_every_template_has_an_expectation_and_no_expectation_is_obsolete() -> None:
    assert len(NAMES) > 30
    missing = [name for name in NAMES if name not in SHIPPED]
    assert not missing, (
        f"TRL ships {', '.join(missing)}.jinja: add to SHIPPED in tests/pipeline/agent/shipped.py "
        "the end of a turn, the text of a call, the rejected roles and the error messages"
    )
    assert sorted(SHIPPED) == NAMES


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SHIPPED)
def test_a_transcript_equals_the_rendered_chain_and_only_replies_are_trained(
    name: str, mode: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    messages, tools = MODES[mode]
    changes = getattr(expected, mode)
    if isinstance(changes, str):
        with pytest.raises(TemplateError) as caught:
            encode(messages, ChatTemplate(own, tools))
        assert str(caught.value) == changes
        return
    transcript = encode(messages, ChatTemplate(own, tools))
    whole = _rendered(own, messages, expected, changes, tools)
    end = (expected.call_end or expected.end) if mode == "native" else expected.end
    tail = expected.tail if end == expected.end else ""
    whole = whole + end if expected.open else _without_tail(whole, tail)
    assert own.decode(transcript.token_ids) == whole
    assert transcript.token_ids == own.encode(whole, add_special_tokens=False)
    assert _spans(own, transcript, written=True) == _written(messages, expected, mode)
    others = "".join(_spans(own, transcript, written=False))
    assert all(text in others for text in (SYSTEM, QUESTION, SUM, ADVICE, ERROR))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_prompt_equals_the_rendered_prompt_and_starts_the_next(
    name: str, mode: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    messages, tools = MODES[mode]
    changes = getattr(expected, mode)
    if isinstance(changes, str):
        return
    template = ChatTemplate(own, tools)
    whole = encode(messages, template).token_ids
    for index in (i for i, message in enumerate(messages) if message["role"] == "assistant"):
        prompt = encode(messages[:index], template).token_ids
        assert prompt == whole[: len(prompt)]
        text = _rendered(own, messages[:index], expected, changes, tools, prompt=True)
        channel = expected.lead if expected.channel and mode != "native" else ""
        assert own.decode(prompt) == text + channel


@pytest.mark.parametrize("role", ["user", "tool"])
@pytest.mark.parametrize("name", KEEPS_REASONING)
def test_sampled_reasoning_is_trained_even_if_the_template_drops_it(
    name: str, role: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    """If the template drops it from earlier turns only for role user, set tool_role=tool."""
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    prompt_opens = expected.lead.lstrip().startswith("</think>")
    reasoning = f"{'' if prompt_opens else '<think>'}\nA sum.\n</think>\n\n"
    reply = {"role": "assistant", "content": f"{reasoning}add(a=2, b=3)"}
    messages = [*PROMPT, reply, {"role": role, "content": SUM}, reply]
    transcript = encode(messages, ChatTemplate(own))
    text = reply["content"] + expected.end
    assert _spans(own, transcript, written=True) == [text, text]
    assert transcript.token_ids[-len(own.encode(text)) :] == own.encode(text)
    template_keeps = own.apply_chat_template(messages, tokenize=False).count("A sum.") == 2
    assert template_keeps == (role in KEEPS_REASONING[name])


@pytest.mark.parametrize("name", [name for name in SHIPPED if not SHIPPED[name].native])
def test_the_text_of_a_sampled_call_has_no_end_of_turn_and_no_turn_ends_twice(
    name: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    template = ChatTemplate(own, TOOLS)
    end = expected.call_end or expected.end
    sampled = own.encode(expected.call + end, add_special_tokens=False)
    assert template.text(sampled) == expected.call
    transcript = Transcript(template, PROMPT)
    transcript.add_reply(sampled)
    transcript.add_messages([_result_message("add", SUM)])
    recorded = encode(NATIVE[:4], template)
    assert transcript.token_ids == recorded.token_ids
    assert transcript.written == recorded.written


@pytest.mark.parametrize("name", [n for n in SHIPPED if not isinstance(SHIPPED[n].native, str)])
def test_text_before_a_call_is_trained_if_the_template_renders_it_with_the_call(
    name: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    own = tokenizer_of(name, tokenizer)
    call = _call_message("add") | {"content": "I add."}
    transcript = encode((*PROMPT, call, _result_message("add", SUM)), ChatTemplate(own, TOOLS))
    (written,) = _spans(own, transcript, written=True)
    assert ("I add." in written) == (name not in LEAVES_OUT_TEXT_BEFORE_A_CALL)
    others = "".join(_spans(own, transcript, written=False))
    assert "I add." not in others


@pytest.mark.parametrize("name", [n for n in SHIPPED if not isinstance(SHIPPED[n].native, str)])
def test_a_sampled_reply_without_a_call_is_encoded_as_it_was_sampled(
    name: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    template = ChatTemplate(own, TOOLS)
    sampled = own.encode(expected.lead + BAD + expected.end, add_special_tokens=False)
    reply = {"role": "assistant", "content": template.text(sampled)}
    assert template.turn(reply, template.prompt_ids(PROMPT)) == sampled


def _rendered(
    own: PreTrainedTokenizerFast,
    messages: Sequence[Message],
    expected: Expected,
    changes: Sequence[tuple[str, str]],
    tools: Any,
    prompt: bool = False,
) -> str:
    """The text rendered by the template, with the expected changes."""
    shown = list(messages)
    if expected.folds:
        shown[:2] = [{"role": "user", "content": f"{SYSTEM}\n\n{QUESTION}"}]
    if expected.parts:
        shown = [m | {"content": [{"type": "text", "text": m["content"]}]} for m in shown]
    text = own.apply_chat_template(shown, tools=tools, tokenize=False, add_generation_prompt=prompt)
    assert isinstance(text, str)
    for pattern, replacement in changes:
        text = re.sub(pattern, replacement, text)
    return text


def _without_tail(text: str, tail: str) -> str:
    assert text.endswith(tail)
    return text.removesuffix(tail)


def _written(messages: Sequence[Message], expected: Expected, mode: str) -> list[str]:
    """The text that the model wrote, per reply."""
    written, prompted = [], expected.channel and mode != "native"
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        if "tool_calls" in message:
            name = message["tool_calls"][0]["function"]["name"]
            written.append(expected.call.replace("add", name) + (expected.call_end or expected.end))
        else:
            has_lead = not prompted and _has_lead(messages[index - 1], expected)
            lead = expected.lead if has_lead else ""
            written.append(lead + message["content"] + expected.end)
    return written


def _has_lead(before: Message, expected: Expected) -> bool:
    """Whether the reply after `before` starts with the lead: DeepSeek's templates open no reasoning
    after a result."""
    return not (before["role"] == "tool" and expected.end == DEEPSEEK.end)


def _spans(own: PreTrainedTokenizerFast, transcript: Transcript, written: bool) -> list[str]:
    """The spans that the model wrote, or those that it did not, as text."""
    spans: list[list[int]] = []
    last = False
    for token, by_model in zip(transcript.token_ids, transcript.written, strict=True):
        if by_model == written:
            spans += [] if last else [[]]
            spans[-1].append(token)
        last = by_model == written
    return [str(own.decode(span)) for span in spans]

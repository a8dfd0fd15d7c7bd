"""Masks on every chat template that TRL ships, unchanged: only what a model writes is trained on.

A template that a new TRL brings fails here until `shipped.py` says what is expected of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

import toolsets
from pipeline.agent.loss_masks import encode
from pipeline.agent.native import CALL_ID, tools_of
from pipeline.agent.transcript import ChatTemplate, TemplateError, Transcript
from pipeline.records import Message
from tests.pipeline.agent.shipped import (
    DEEPSEEK,
    KEEPS_REASONING,
    LEAVES_OUT_TEXT_BESIDE_A_CALL,
    NAMES,
    SHIPPED,
    Expected,
    tokenizer_of,
)

TOOLS = tools_of(toolsets.load("arithmetic[add,divide]"))
SYSTEM, QUESTION = "Call functions.", "What is 2 + 3, and what 2 / 0?"
OPENING = ({"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION})
BAD, MEND = "No idea.", "Reply with one call."
SUM, ERROR = "Five it is", "divide: division by zero"


def _injected(role: str) -> list[Message]:
    """Two good calls, one that cannot be read and one that fails."""
    turns = ("add(a=2, b=3)", SUM, BAD, MEND, "divide(a=2, b=0)", ERROR, "answer(value=5)")
    roles = ("assistant", role)
    return [*OPENING, *({"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns))]


def _called(name: str) -> Message:
    function = {"name": name, "arguments": {"a": 2, "b": 3}}
    calls = [{"id": CALL_ID, "type": "function", "function": function}]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def _result(name: str, content: str) -> Message:
    return {"role": "tool", "tool_call_id": CALL_ID, "name": name, "content": content}


NATIVE = [
    *OPENING,
    *(_called("add"), _result("add", SUM)),
    *({"role": "assistant", "content": BAD}, {"role": "user", "content": MEND}),
    *(_called("divide"), _result("divide", ERROR)),
    *(_called("divide"), _result("divide", ERROR)),
    _called("answer"),
]
WAYS: dict[str, tuple[list[Message], Any]] = {
    "user": (_injected("user"), None),
    "tool": (_injected("tool"), None),
    "native": (NATIVE, TOOLS),
}


def test_every_template_has_an_expectation_and_no_expectation_is_stale() -> None:
    assert len(NAMES) > 30
    lacking = [name for name in NAMES if name not in SHIPPED]
    assert not lacking, (
        f"TRL ships {', '.join(lacking)}.jinja: add to SHIPPED in tests/pipeline/agent/shipped.py "
        "how a turn ends there, how a call is written, which roles are refused, and how"
    )
    assert sorted(SHIPPED) == NAMES


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SHIPPED)
def test_a_chain_is_what_the_template_renders_and_only_replies_are_trained(
    name: str, way: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    messages, tools = WAYS[way]
    changes = getattr(expected, way)
    if isinstance(changes, str):
        with pytest.raises(TemplateError) as refused:
            encode(messages, ChatTemplate(own, tools))
        assert str(refused.value) == changes
        return
    transcript = encode(messages, ChatTemplate(own, tools))
    whole = _rendered(own, messages, expected, changes, tools)
    end = (expected.call_end or expected.end) if way == "native" else expected.end
    tail = expected.tail if end == expected.end else ""
    whole = whole + end if expected.open else _without_tail(whole, tail)
    assert own.decode(transcript.token_ids) == whole
    assert transcript.token_ids == own.encode(whole, add_special_tokens=False)
    assert _pieces(own, transcript, written=True) == _written(messages, expected, way)
    others = "".join(_pieces(own, transcript, written=False))
    assert all(text in others for text in (SYSTEM, QUESTION, SUM, MEND, ERROR))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_prompt_is_the_template_s_own_and_begins_the_next(
    name: str, way: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    messages, tools = WAYS[way]
    changes = getattr(expected, way)
    if isinstance(changes, str):
        return
    template = ChatTemplate(own, tools)
    whole = encode(messages, template).token_ids
    for index in (i for i, message in enumerate(messages) if message["role"] == "assistant"):
        prompt = encode(messages[:index], template).token_ids
        assert prompt == whole[: len(prompt)]
        text = _rendered(own, messages[:index], expected, changes, tools, prompt=True)
        channel = expected.lead if expected.channel and way != "native" else ""
        assert own.decode(prompt) == text + channel


@pytest.mark.parametrize("role", ["user", "tool"])
@pytest.mark.parametrize("name", KEEPS_REASONING)
def test_a_reply_s_own_reasoning_is_trained_as_written_whatever_the_template_keeps(
    name: str, role: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Where the template drops it from earlier turns for role user alone, tool_role=tool helps."""
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    opened = expected.lead.lstrip().startswith("</think>")  # by the generation prompt
    reasoning = f"{'' if opened else '<think>'}\nA sum.\n</think>\n\n"
    reply = {"role": "assistant", "content": f"{reasoning}add(a=2, b=3)"}
    messages = [*OPENING, reply, {"role": role, "content": SUM}, reply]
    transcript = encode(messages, ChatTemplate(own))
    text = reply["content"] + expected.end
    assert _pieces(own, transcript, written=True) == [text, text]
    assert transcript.token_ids[-len(own.encode(text)) :] == own.encode(text)
    kept = own.apply_chat_template(messages, tokenize=False).count("A sum.") == 2
    assert kept == (role in KEEPS_REASONING[name])


@pytest.mark.parametrize("name", [name for name in SHIPPED if not SHIPPED[name].native])
def test_a_sampled_call_is_read_without_its_end_and_no_turn_ends_twice(
    name: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    template = ChatTemplate(own, TOOLS)
    end = expected.call_end or expected.end
    sampled = own.encode(expected.call + end, add_special_tokens=False)
    assert template.text(sampled) == expected.call
    transcript = Transcript(template, OPENING)
    transcript.add_reply(sampled)
    transcript.add_message(_result("add", SUM))
    recorded = encode(NATIVE[:4], template)
    assert transcript.token_ids == recorded.token_ids
    assert transcript.written == recorded.written


@pytest.mark.parametrize("name", [n for n in SHIPPED if not isinstance(SHIPPED[n].native, str)])
def test_text_beside_a_call_is_trained_where_the_template_writes_it_with_the_call(
    name: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    own = tokenizer_of(name, tokenizer)
    call = _called("add") | {"content": "I add."}
    transcript = encode((*OPENING, call, _result("add", SUM)), ChatTemplate(own, TOOLS))
    (written,) = _pieces(own, transcript, written=True)
    assert ("I add." in written) == (name not in LEAVES_OUT_TEXT_BESIDE_A_CALL)
    others = "".join(_pieces(own, transcript, written=False))
    assert "I add." not in others


@pytest.mark.parametrize("name", [n for n in SHIPPED if not isinstance(SHIPPED[n].native, str)])
def test_a_sampled_reply_without_a_call_is_recorded_as_it_was_sampled(
    name: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    expected, own = SHIPPED[name], tokenizer_of(name, tokenizer)
    template = ChatTemplate(own, TOOLS)
    sampled = own.encode(expected.lead + BAD + expected.end, add_special_tokens=False)
    reply = {"role": "assistant", "content": template.text(sampled)}
    assert template.turn(reply, template.prompt_ids(OPENING)) == sampled


def _rendered(
    own: PreTrainedTokenizerFast,
    messages: Sequence[Message],
    expected: Expected,
    changes: Sequence[tuple[str, str]],
    tools: Any,
    prompt: bool = False,
) -> str:
    """The template's own text, with the expected changes."""
    shown = list(messages)
    if expected.folds:
        shown[:2] = [{"role": "user", "content": f"{SYSTEM}\n\n{QUESTION}"}]
    if expected.parts:
        shown = [m | {"content": [{"type": "text", "text": m["content"]}]} for m in shown]
    text = own.apply_chat_template(shown, tools=tools, tokenize=False, add_generation_prompt=prompt)
    assert isinstance(text, str)
    for pattern, mended in changes:
        text = re.sub(pattern, mended, text)
    return text


def _without_tail(text: str, tail: str) -> str:
    assert text.endswith(tail)
    return text.removesuffix(tail)


def _written(messages: Sequence[Message], expected: Expected, way: str) -> list[str]:
    """What the model wrote, reply by reply."""
    written, prompted = [], expected.channel and way != "native"
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        if "tool_calls" in message:
            name = message["tool_calls"][0]["function"]["name"]
            written.append(expected.call.replace("add", name) + (expected.call_end or expected.end))
        else:
            lead = "" if prompted or not _leads(messages[index - 1], expected) else expected.lead
            written.append(lead + message["content"] + expected.end)
    return written


def _leads(before: Message, expected: Expected) -> bool:
    """DeepSeek's templates open no reasoning behind a result."""
    return not (before["role"] == "tool" and expected.end == DEEPSEEK.end)


def _pieces(own: PreTrainedTokenizerFast, transcript: Transcript, written: bool) -> list[str]:
    """The stretches that the model wrote, or those that it did not, as text."""
    found: list[list[int]] = []
    last = False
    for token, ours in zip(transcript.token_ids, transcript.written, strict=True):
        if ours == written:
            found += [] if last else [[]]
            found[-1].append(token)
        last = ours == written
    return [str(own.decode(piece)) for piece in found]

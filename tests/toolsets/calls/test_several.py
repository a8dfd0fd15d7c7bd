"""Replies with several calls, thoughts and prose: what is run, and what a student may learn."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.toolsets.calls.test_parse import NAMES, TOOLSET, VALUES
from toolsets import CallError, parse_call, parse_calls, render_call
from toolsets.calls.parse import is_plain

KNOWN = TOOLSET.tool_names
ADD = {"a": 2, "b": 3}
JSON = json.dumps(ADD)
FORMS = {
    "plain": "add(a=2, b=3)",
    "assigned": "x = add(a=2, b=3)",
    "printed": "print(add(a=2, b=3))",
    "prefix": "functions.add(a=2, b=3)",
    "case": "ADD(a=2, b=3)",
    "repaired": "add(a: 2, b: 3)",
    "fenced": "```python\nadd(a=2, b=3)\n```",
    "list": "[add(a=2, b=3)]",
    "json": f'{{"name": "add", "arguments": {JSON}}}',
    "json5": "{name: 'add', arguments: {a: 2, b: 3}}",
    "key": f'{{"add": {JSON}}}',
    "hermes": f'<tool_call>\n{{"name": "add", "arguments": {JSON}}}\n</tool_call>',
    "qwen": "<function=add>\n<parameter=a>\n2\n</parameter>\n<parameter=b>3</parameter></function>",
    "glm": "<tool_call>add\n<arg_key>a</arg_key><arg_value>2</arg_value>"
    "<arg_key>b</arg_key><arg_value>3</arg_value></tool_call>",
    "invoke": '<invoke name="add"><parameter name="a">2</parameter>'
    '<parameter name="b">3</parameter></invoke>',
    "deepseek": f"<|tool▁call▁begin|>add<|tool▁sep|>{JSON}<|tool▁call▁end|>".replace("|", "\uff5c"),
    "kimi": "<|tool_calls_section_begin|>"
    f"<|tool_call_begin|>functions.add:0<|tool_call_argument_begin|>{JSON}<|tool_call_end|>",
    "mistral": f"[TOOL_CALLS]add[CALL_ID]abc123def[ARGS]{JSON}",
    "gpt-oss": f"<|channel|>commentary to=functions.add <|constrain|>json<|message|>{JSON}<|call|>",
    "react": f"Action: add\nAction Input: {JSON}",
}
form = st.sampled_from(list(FORMS.values()))
between = st.sampled_from(["\n", " ", ", then ", "; ", ". ", "\n\nResult: 5\n\n"])


@given(first=form, second=form, gap=between)
def test_a_text_with_two_calls_is_never_run(first: str, second: str, gap: str) -> None:
    with pytest.raises(CallError) as caught:
        TOOLSET.parse(first + gap + second)
    assert caught.value.kind == "unparseable_call"
    assert not is_plain(first + gap + second, KNOWN)


@given(first=form, second=form, gap=st.sampled_from(["\n", " ", "; ", "\n\nResult: 5\n\n"]))
def test_several_calls_are_read_in_order(first: str, second: str, gap: str) -> None:
    one, two = parse_calls(first + gap + second.replace("2", "7"), KNOWN)
    assert (one.name, two.name) == ("add", "add")
    values = [(*call.positional, *call.keywords.values()) for call in (one, two)]
    assert ["2" in str(value) for value in values] == [True, False]
    assert ["7" in str(value) for value in values] == [False, True]


@given(
    name=st.sampled_from(KNOWN),
    arguments=st.dictionaries(NAMES, VALUES, max_size=4),
    other=st.dictionaries(NAMES, VALUES, max_size=4),
    gap=st.sampled_from(["\n", "; ", " and then "]),
)
def test_two_rendered_calls_are_never_one(
    name: str, arguments: dict[str, Any], other: dict[str, Any], gap: str
) -> None:
    text = render_call(name, arguments) + gap + render_call("add", {"a": 1} | other)
    if arguments:
        one, two = parse_calls(text, KNOWN)
        assert (one.keywords, two.keywords) == (arguments, {"a": 1} | other)
    with pytest.raises(CallError):
        parse_call(text + "\nanswer(value=1)", KNOWN)


@pytest.mark.parametrize("call", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("I call Tom's function now: ", "."),
        ("Sure!\n", "\nDone."),
        ("<think>\nadd(a=1, b=1)\n</think>\n", ""),
        ("Hmm, add(a=1, b=1)? Tom's no.\n</think>\n\n", ""),
        ('<think>{"name": "add", "arguments": {"a": 1}</think>', ""),
        ("<think><function=add></think>", ""),
        ("<|channel|>analysis<|message|>add(1, 1)<|end|>", ""),
    ],
)
def test_each_form_is_read_in_prose_and_after_a_thought(call: str, before: str, after: str) -> None:
    assert TOOLSET.parse(before + call + after).arguments == ADD


@pytest.mark.parametrize("call", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("thought", ["<think>{}", "<think>{}</think>", "{}\n</think>"])
def test_a_call_in_a_thought_is_never_run(call: str, thought: str) -> None:
    with pytest.raises(CallError):
        TOOLSET.parse(thought.format(call))


@given(inside=form, shape=st.sampled_from(["python", "json"]), prose=st.sampled_from(["", "Ok: "]))
def test_a_call_in_an_argument_is_text(inside: str, shape: str, prose: str) -> None:
    text = f"Let me see:\n{inside}\nthat is wrong"
    python, as_json = f"think(thought={text!r})", {"name": "think", "arguments": {"thought": text}}
    reply = prose + (python if shape == "python" else json.dumps(as_json))
    assert TOOLSET.parse(reply).arguments == {"thought": text}


@given(text=st.text().filter(lambda text: "<" not in text), form=st.sampled_from(["xml", "glm"]))
def test_a_text_within_tags_is_read_as_it_stands(text: str, form: str) -> None:
    xml = f"<function=think>\n<parameter=thought>\n{text}\n</parameter>\n</function>"
    glm = f"<tool_call>think\n<arg_key>thought</arg_key><arg_value>{text}</arg_value></tool_call>"
    call = TOOLSET.parse(xml if form == "xml" else glm)
    stripped = text.removeprefix("\n").removesuffix("\n")
    assert call.arguments == {"thought": text if form == "xml" else stripped}


LATEX = st.lists(
    st.sampled_from(["\t", "\n", "\r", "\f", "\b", "\a", "\v", "\\", "imes", "u", "e", "rac", " "])
)


@given(LATEX.map("".join))
@example("\times \nu \theta \right")
@example("\\times \\\\nu \\\x0crac")
def test_a_rendered_text_with_control_characters_is_parsed_back(text: str) -> None:
    assert parse_call(render_call("think", {"thought": text})).keywords == {"thought": text}


@pytest.mark.parametrize(
    "text",
    [
        "add(a=2, b=3)",
        "add(2, 3)",
        " add(a=2, b=3);\n",
        "```\nadd(a=2, b=3)\n```",
        "I add them first.\nadd(a=2, b=3)",
        "<think>I add: 2 + 3 = 5.</think>\nadd(a=2, b=3)",
        "add(\n  a=2,\n  b=3,\n)",
        'think(thought="#1, as add(a=1, b=1) says")',
        "Premises:\nall x (Cat(x) -> Furry(x))\nadd(a=2, b=3)",
    ],
)
def test_a_plain_call_at_the_end_may_be_learned(text: str) -> None:
    assert is_plain(text, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "add(a=2, b=3)\n5",
        "add(a=2, b=3) = 5",
        "add(a=2, b=3)\nObservation: 5",
        "add(a=2, b=3)\nThe result is 5.",
        "Observation: 5\nanswer(value=5)",
        "<think>\nResult: 5\n</think>\nanswer(value=5)",
        "<tool_response>5</tool_response>\nanswer(value=5)",
        "add(a=2, b=3)  # 5",
        "x = add(a=2, b=3)",
        "add(a=2, b=3)\nadd(a=5, b=1)",
        "<think>add(a=1, b=1)</think>\nadd(a=2, b=3)",
        'Maybe {"name": "add", "arguments": {"a": 1}}\n</think>\nadd(a=2, b=3)',
        "<think><function=add><parameter=a>2</parameter></function></think>\nadd(a=2, b=3)",
        "<think>\nadd(a=2, b=3)",
        "I call add(a=2, b=3).",
        "functions.add(a=2, b=3)",
        "ADD(a=2, b=3)",
        "print(add(a=2, b=3))",
        'add({"a": 2, "b": 3})',
        "add(a=1/3, b=2)",
        r"think(thought='\frac{1}{2}')",
        "total(values=[1,200, 3])",
        '{"name": "add", "arguments": {"a": 2, "b": 3}}',
        "add(" + "1" * 20_000 + ", 2)",
        "",
    ],
)
def test_another_call_or_an_invented_result_is_never_learned(text: str) -> None:
    assert not is_plain(text, KNOWN)

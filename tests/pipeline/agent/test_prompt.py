"""The dialect `inject`: prompts, and chains as messages."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.agent.agent import with_agent_tools
from pipeline.agent.prompt import (
    INSTRUCTIONS,
    WRITING_INSTRUCTIONS,
    Inject,
    Writing,
    canonical,
    render,
    with_examples,
)
from pipeline.records import Message, Step
from tests.pipeline.agent.scripted import ARITHMETIC
from toolsets import ToolCall, ToolResult

TOOLSET = with_agent_tools(ARITHMETIC)
INVALID = "The reply is not a call. It is not closed: ) is missing."
FIVE = ToolResult(True, "5")
STEPS = (
    Step("Let me see: add(2, 3", None, ToolResult(False, INVALID, "unparseable_call")),
    Step("add(2, 3)", ToolCall("add", {"a": 2, "b": 3}, "add(2, 3)"), FIVE),
    Step("answer(5)", ToolCall("answer", {"value": 5}, "answer(5)"), None),
)


def test_the_prompt_describes_each_function_and_ends_with_the_question() -> None:
    system, user = Inject(TOOLSET).prompt_messages("What is 2 + 3?")
    assert system == {"role": "system", "content": INSTRUCTIONS + TOOLSET.help}
    assert user == {"role": "user", "content": "What is 2 + 3?"}
    for name in TOOLSET.tool_names:
        assert f"{name}(" in system["content"]
    assert Inject(TOOLSET).tools is None


def test_examples_follow_the_functions() -> None:
    dialect = Inject(TOOLSET, examples=("1 + 1?\nadd(a=1, b=1)", "2 + 2?"))
    system, _ = dialect.prompt_messages("What is 2 + 3?")
    assert system["content"] == (
        f"{INSTRUCTIONS}{TOOLSET.help}\n\nSolved examples, the result of each call behind it:"
        "\n\n1 + 1?\nadd(a=1, b=1)\n\n2 + 2?"
    )


def test_without_examples_there_is_no_heading_for_them() -> None:
    assert with_examples("Solve it.", []) == "Solve it."


def test_the_prompt_for_writing_asks_for_a_problem_and_describes_the_same_functions() -> None:
    system, user = Writing(TOOLSET).prompt_messages("Problem: What is 1 + 1?")
    assert system == {"role": "system", "content": WRITING_INSTRUCTIONS + TOOLSET.help}
    assert user == {"role": "user", "content": "Problem: What is 1 + 1?"}


def test_inject_renders_steps_as_text_turns() -> None:
    assert render(Inject(TOOLSET, "tool"), STEPS) == (
        {"role": "assistant", "content": "Let me see: add(2, 3"},
        {"role": "tool", "content": INVALID},
        {"role": "assistant", "content": "add(2, 3)"},
        {"role": "tool", "content": "5"},
        {"role": "assistant", "content": "answer(5)"},
    )


def test_canonical_renders_steps_as_openai_messages() -> None:
    def called(call_id: str, name: str, arguments: str) -> Message:
        function = {"name": name, "arguments": arguments}
        calls = [{"id": call_id, "type": "function", "function": function}]
        return {"role": "assistant", "content": None, "tool_calls": calls}

    assert canonical(STEPS) == (
        {"role": "assistant", "content": "Let me see: add(2, 3"},
        {"role": "user", "content": INVALID},
        called("call_1", "add", '{"a": 2, "b": 3}'),
        {"role": "tool", "tool_call_id": "call_1", "content": "5"},
        called("call_2", "answer", '{"value": 5}'),
    )


def test_a_call_of_another_dialect_or_a_repaired_call_is_rendered_in_plain_form() -> None:
    dialect = Inject(TOOLSET)
    call = ToolCall("add", {"a": 2, "b": 3}, '{"name": "add"}')
    for reply in ('{"name": "add"}', "subtract(a=2, b=3)", "add(a=2, b=4)"):
        message = dialect.reply(Step(reply, call, FIVE))
        assert message == {"role": "assistant", "content": "add(a=2, b=3)"}
    repaired = 'add("a": 2, "b": 3)'
    assert TOOLSET.parse(repaired).arguments == call.arguments
    assert dialect.reply(Step(repaired, call, FIVE))["content"] == "add(a=2, b=3)"
    plain = dialect.reply(Step("First: \nadd(2, 3)", call, FIVE))
    assert plain["content"] == "First: \nadd(2, 3)"


def test_a_reply_with_an_invented_result_or_a_mended_argument_is_rendered_in_plain_form() -> None:
    dialect = Inject(TOOLSET)
    call = ToolCall("add", {"a": 2, "b": 3}, "")
    for reply in (
        "add(2, 3)\n5",
        "add(2, 3)\nObservation: 5",
        "add(2, 3) = 5",
        "<think>add(1, 1) is 2.</think>\nadd(2, 3)",
        "functions.add(2, 3)",
        "add(A=2, b=3)",
        "add(a=2, b=3)\nanswer(value=5)",
    ):
        assert dialect.reply(Step(reply, call, FIVE))["content"] == "add(a=2, b=3)"
    thought = "<think>Two and three.</think>\nadd(2, 3)"
    assert dialect.reply(Step(thought, call, FIVE))["content"] == thought


def test_space_around_a_reply_with_a_call_is_not_rendered() -> None:
    call = ToolCall("add", {"a": 2, "b": 3}, "add(2, 3)")
    assert Inject(TOOLSET).reply(Step(" add(2, 3)\n", call, FIVE))["content"] == "add(2, 3)"
    assert Inject(TOOLSET).reply(Step(" no call\n", None, FIVE))["content"] == " no call\n"


NUMBERS = st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9)
CALLS = st.builds(
    lambda name, a, b: ToolCall(name, {"a": a, "b": b}, ""),
    st.sampled_from(["add", "subtract", "multiply", "divide"]),
    NUMBERS,
    NUMBERS,
) | st.text(st.characters(codec="utf-8"), max_size=20).map(
    lambda thought: ToolCall("think", {"thought": thought}, "")
)


@given(CALLS, st.text(max_size=20))
def test_whatever_a_model_wrote_the_rendered_reply_parses_to_the_same_call(
    call: ToolCall, written: str
) -> None:
    dialect = Inject(TOOLSET)
    (parsed,) = dialect.parse(dialect.reply(Step(written, call, FIVE))["content"])
    assert (parsed.name, parsed.arguments) == (call.name, call.arguments)


@given(st.lists(CALLS, max_size=4))
def test_each_result_in_canonical_form_has_the_id_of_its_call(calls: list[ToolCall]) -> None:
    messages = canonical([Step("", call, FIVE) for call in calls])
    asked: list[dict[str, Any]] = [m["tool_calls"][0] for m in messages if "tool_calls" in m]
    assert [json.loads(each["function"]["arguments"]) for each in asked] == [
        call.arguments for call in calls
    ]
    answered = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    assert answered == [each["id"] for each in asked]
    assert len(set(answered)) == len(calls)

"""Replies with several calls, allowed by `agent.calls_per_reply=several`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from pipeline.agent.agent import MOST_CALLS, Agent, Ask, Execute, Stop, dialect_of, with_agent_tools
from pipeline.agent.driver import Limits, Rollout
from pipeline.agent.loss_masks import encode
from pipeline.agent.native import Native
from pipeline.agent.prompt import Inject, canonical, render
from pipeline.agent.transcript import ChatTemplate, TemplateError
from pipeline.recipe.models import AgentSettings
from pipeline.records import Chain, Executed, Reply, Step
from tests.pipeline.agent.scripted import (
    ARITHMETIC,
    InProcess,
    ScriptedEngine,
    TextTokenizer,
    task,
)
from tests.pipeline.agent.shipped import SHIPPED, tokenizer_of
from tests.toolsets.tools.test_running import toolset as NOTES
from toolsets import ToolCall, ToolResult

SEVERAL = AgentSettings(calls_per_reply="several")
QUESTION = "Ava has 3 bags of 4 pens and 2 boxes of 5. How many pens?"
TWO = "multiply(a=3, b=4)\nmultiply(a=2, b=5)"
SCRIPT = {QUESTION: [TWO, "add(a=12, b=10)", "answer(value=22)"]}
ADVICE = "Make the other calls first; when you have their results, call answer alone."


def _agent(toolset: Any = ARITHMETIC, **limits: int) -> Agent:
    return Agent(Inject(with_agent_tools(toolset), several=True), limits.pop("steps", 8), **limits)


def _read(agent: Agent, text: str) -> Execute | Ask | Stop:
    return agent.read(Reply(text, (1,)))


def _contents(action: Execute | Ask | Stop) -> list[str]:
    assert isinstance(action, Ask)
    return [message["content"] for message in action.messages]


def _rollout(tokenizer: TextTokenizer, runner: Any = None, **changes: Any) -> Rollout:
    driver = Rollout(
        dialect=Inject(with_agent_tools(ARITHMETIC), several=True),
        template=ChatTemplate(tokenizer),
        engine=ScriptedEngine(tokenizer, SCRIPT),
        runner=runner or InProcess(),
        limits=Limits(max_steps=8, reply_tokens=64),
        temperature=0.0,
    )
    return replace(driver, **changes)


def _chain(driver: Rollout) -> Chain:
    return asyncio.run(asyncio.wait_for(driver(task(QUESTION, "22")), 30))


def test_one_call_per_reply_is_the_default() -> None:
    dialect = dialect_of("arithmetic[add]", AgentSettings())
    assert isinstance(dialect, Inject)
    assert not dialect.several
    action = Agent(dialect, 8).read(Reply("add(a=1, b=2)\nadd(a=3, b=4)", (1,)))
    assert "2 calls" in _contents(action)[0]


def test_calls_are_executed_together_and_their_results_return_in_order() -> None:
    agent = _agent()
    action = _read(agent, TWO)
    assert isinstance(action, Execute)
    assert [call.arguments for call in action.calls] == [{"a": 3, "b": 4}, {"a": 2, "b": 5}]
    action = agent.observe(ToolResult(True, "12"), ToolResult(True, "10"))
    assert action == Ask(({"role": "user", "content": "Result 1: 12\nResult 2: 10"},))
    (step,) = agent.steps
    assert step.call == step.parallel[0].call
    assert step.result == ToolResult(True, "Result 1: 12\nResult 2: 10")
    assert [each.result.content for each in step.parallel] == ["12", "10"]


def test_one_call_looks_as_it_does_without_the_setting() -> None:
    agent = _agent()
    _read(agent, "add(a=2, b=3)")
    assert _contents(agent.observe(ToolResult(True, "5"))) == ["5"]
    assert agent.steps[0].parallel == ()


def test_a_failed_call_leaves_the_results_of_the_others() -> None:
    agent = _agent()
    _read(agent, "divide(a=1, b=0)\nadd(a=2, b=3)")
    failed = ToolResult(False, "divide: division by zero", "function_error")
    contents = _contents(agent.observe(failed, ToolResult(True, "5")))
    assert contents == ["Result 1: divide: division by zero\nResult 2: 5"]
    assert agent.steps[0].result == ToolResult(False, contents[0], "function_error")


@pytest.mark.parametrize(
    ("reply", "kind", "named"),
    [
        ("add(a=1, b=2)\nsum(a=1)", "unknown_function", "There is no function sum."),
        ("add(a=1, b=2)\nadd(a=1)", "bad_arguments", "argument b is missing"),
        ("add(a=1, b=2)\nadd(a=1, b=", "unparseable_call", "The"),
    ],
)
def test_no_call_is_made_if_one_of_them_cannot_be_read(reply: str, kind: str, named: str) -> None:
    agent = _agent()
    assert named in _contents(_read(agent, reply))[0]
    (step,) = agent.steps
    assert (step.call, step.parallel) == (None, ())
    assert step.result is not None
    assert step.result.error_kind == kind


@pytest.mark.parametrize(
    "reply",
    ["add(a=1, b=2)\nanswer(value=3)", "answer(value=3)\nanswer(value=3)"],
)
def test_an_answer_beside_other_calls_is_refused_and_nothing_is_executed(reply: str) -> None:
    agent = _agent()
    problem = "The reply calls answer beside other calls, and no call was made."
    assert _contents(_read(agent, reply)) == [f"{problem} {ADVICE}"]
    assert agent.answer is None
    assert _read(agent, "answer(value=3)") == Stop("answer")


def test_more_calls_than_the_limit_are_refused() -> None:
    calls = ["add(a=1, b=2)"] * (MOST_CALLS + 1)
    expected = "The reply holds 17 calls, and at most 16 are allowed. No call was made."
    assert _contents(_read(_agent(), "\n".join(calls))) == [expected]
    assert isinstance(_read(_agent(), "\n".join(calls[1:])), Execute)


def test_a_thought_stands_between_calls_and_needs_no_executor() -> None:
    agent = _agent()
    action = _read(agent, 'add(a=1, b=2)\nthink(thought="One more.")\nadd(a=3, b=4)')
    results = []
    while isinstance(action, Execute):
        results += [str(sum(call.arguments.values())) for call in action.calls]
        action = agent.observe(*(ToolResult(True, r) for r in results[-len(action.calls) :]))
    assert _contents(action) == ["Result 1: 3\nResult 2: Noted.\nResult 3: 7"]


def test_functions_with_state_run_one_after_another_each_with_the_state_before() -> None:
    agent = _agent(NOTES)
    action = _read(agent, "put('a', 1)\nput('b', 2)\nrecall('a')")
    batches = []
    while isinstance(action, Execute):
        batches.append([call.name for call in action.calls])
        action = agent.observe(*map(NOTES.execute, action.calls))
    assert batches == [["put"], ["put"], ["recall"]]
    assert _contents(action)[0].endswith("Result 3: 1")


def test_a_step_with_a_failed_call_counts_once_toward_the_limit_of_failures() -> None:
    agent = _agent(max_failures=2)
    for expected in (Ask, Stop):
        _read(agent, "divide(a=1, b=0)\ndivide(a=2, b=0)")
        failed = ToolResult(False, "division by zero", "function_error")
        assert isinstance(agent.observe(failed, failed), expected)


def test_a_chain_with_several_calls_is_made_end_to_end(tokenizer: TextTokenizer) -> None:
    chain = _chain(_rollout(tokenizer))
    assert (chain.answer, chain.calls, len(chain.steps)) == ("22", 3, 3)
    roles = [message["role"] for message in chain.messages]
    assert " ".join(roles[2:]) == "assistant tool tool assistant tool assistant"
    ids = [message["tool_call_id"] for message in chain.messages if message["role"] == "tool"]
    assert ids == ["call_0", "call_0_1", "call_1"]


def test_calls_of_one_reply_run_side_by_side(tokenizer: TextTokenizer) -> None:
    class Meeting(InProcess):
        """Each call of 2 and 3 waits until the other has started."""

        async def submit(self, call: ToolCall) -> ToolResult:
            started.add(call.arguments["a"])
            while not started >= {2, 3}:
                await asyncio.sleep(0)
            return self.toolset.execute(call)

    started: set[int] = set()
    assert _chain(_rollout(tokenizer, Meeting())).answer == "22"


def test_a_chain_is_continued_from_replies_with_several_calls(tokenizer: TextTokenizer) -> None:
    driver = _rollout(tokenizer)
    whole = _chain(driver)
    continued = replace(task(QUESTION, "22"), prefix=(TWO,))
    assert asyncio.run(driver(continued)) == replace(whole, prefix_steps=1)


def test_all_calls_of_a_reply_are_trained_and_no_result_is(tokenizer: TextTokenizer) -> None:
    driver = _rollout(tokenizer)
    messages = (
        *driver.dialect.prompt_messages(QUESTION),
        *render(driver.dialect, _chain(driver).steps),
    )
    transcript = encode(messages, driver.template)
    pairs = list(zip(transcript.token_ids, transcript.written, strict=True))
    trained = tokenizer.decode([token for token, written in pairs if written])
    assert trained == "<|end|>".join([*SCRIPT[QUESTION], ""])
    others = tokenizer.decode([token for token, written in pairs if not written])
    assert "Result 1: 12\nResult 2: 10" in others


def test_the_prompt_says_that_a_reply_may_hold_several_calls() -> None:
    one, several = (
        dialect_of("arithmetic[add]", settings).prompt_messages(QUESTION)[0]["content"]
        for settings in (AgentSettings(), SEVERAL)
    )
    assert "one call per reply" in one
    assert "one call per reply" not in several
    assert "alone in its reply" in several


CALLS = [
    Executed(ToolCall("add", {"a": 2, "b": 3}, "both"), ToolResult(True, "Five it is")),
    Executed(ToolCall("divide", {"a": 4, "b": 2}, "both"), ToolResult(True, "Two it is")),
]
STEPS = [
    Step("both", CALLS[0].call, ToolResult(True, "both"), parallel=tuple(CALLS)),
    Step("answer(value=5)", ToolCall("answer", {"value": 5}, ""), None),
]


def _native() -> Native:
    read = lambda text: ("", [(c.call.name, json.dumps(c.call.arguments)) for c in CALLS])  # noqa: E731
    return Native(with_agent_tools(ARITHMETIC), read, several=True)


def test_the_native_dialect_reads_several_calls_only_with_the_setting() -> None:
    assert [call.name for call in _native().parse("both")] == ["add", "divide"]
    action = Agent(replace(_native(), several=False), 8).read(Reply("both", (1,)))
    assert _contents(action) == ["The reply holds 2 tool calls. Reply with one tool call."]


NATIVE_TEMPLATES = [name for name in SHIPPED if not isinstance(SHIPPED[name].native, str)]
SINGLE = "This model only supports single tool-calls at once!"
LEFT_OUT = "it leaves out all but one"
ONE_CALL_ONLY = {
    "gptoss": LEFT_OUT,
    "gptoss_training": LEFT_OUT,
    "llama3_1": SINGLE,
    "llama3_2": SINGLE,
}


@pytest.mark.parametrize("name", [name for name in NATIVE_TEMPLATES if name not in ONE_CALL_ONLY])
def test_chat_templates_show_both_calls_as_trained_and_both_results_as_not(
    name: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    own, dialect = tokenizer_of(name, tokenizer), _native()
    template = ChatTemplate(own, dialect.tools)
    template.check_shows_several()
    messages = (*dialect.prompt_messages("What?"), *render(dialect, STEPS))
    transcript = encode(messages, template)
    tokens = list(zip(transcript.token_ids, transcript.written, strict=True))
    trained = own.decode([token for token, written in tokens if written])
    others = own.decode([token for token, written in tokens if not written])
    assert all(call.call.name in trained for call in CALLS)
    assert all(call.result.content in others for call in CALLS)
    assert "it is" not in trained
    first, second = (others.index(call.result.content) for call in CALLS)
    assert first < second


@pytest.mark.parametrize("name", ONE_CALL_ONLY)
def test_a_chat_template_for_single_calls_is_refused_before_anything_starts(
    name: str, tokenizer: PreTrainedTokenizerFast
) -> None:
    template = ChatTemplate(tokenizer_of(name, tokenizer), _native().tools)
    with pytest.raises(TemplateError) as caught:
        template.check_shows_several()
    problem = "the model's chat template does not show several calls of one reply: "
    assert str(caught.value) == f"{problem}{ONE_CALL_ONLY[name]}; set agent.calls_per_reply=one"


def test_canonical_messages_hold_all_calls_of_a_reply() -> None:
    assistant, *results = canonical(STEPS[:1])
    names = [call["function"]["name"] for call in assistant["tool_calls"]]
    assert names == ["add", "divide"]
    assert [result["content"] for result in results] == ["Five it is", "Two it is"]
    ids = [call["id"] for call in assistant["tool_calls"]]
    assert [result["tool_call_id"] for result in results] == ids

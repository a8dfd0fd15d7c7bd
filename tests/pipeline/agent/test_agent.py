from __future__ import annotations

import re

import pytest

from pipeline.agent.agent import Agent, Ask, Execute, Stop, dialect_of, with_agent_tools
from pipeline.agent.prompt import Inject
from pipeline.errors import CannotStart
from pipeline.recipe.load import load
from pipeline.recipe.models import AgentSettings
from pipeline.records import Message, Reply, Step
from tests.pipeline.agent.scripted import ARITHMETIC
from toolsets import ToolCall, ToolResult

TOOLSET = with_agent_tools(ARITHMETIC)
ADVICE = "Reply with one call, like name(a=1, b=2)."


def _agent(max_steps: int = 8, tool_role: str = "user", max_failures: int | None = None) -> Agent:
    return Agent(Inject(TOOLSET, tool_role), max_steps, max_failures)


def _reply(text: str, tokens: int = 1) -> Reply:
    return Reply(text, tuple(range(tokens)))


def _user(content: str) -> Message:
    return {"role": "user", "content": content}


def test_a_call_is_executed_and_its_result_sent_to_the_model() -> None:
    agent = _agent()
    call = ToolCall("add", {"a": 2, "b": 3}, "add(a=2, b=3)")
    assert agent.read(_reply("add(a=2, b=3)", tokens=5), prompt_tokens=40) == Execute((call,))
    assert agent.observe(ToolResult(True, "5")) == Ask((_user("5"),))
    assert agent.steps == [Step("add(a=2, b=3)", call, ToolResult(True, "5"), 40, 5)]
    assert agent.answer is None


def test_a_result_has_the_configured_role() -> None:
    agent = _agent(tool_role="ipython")
    agent.read(_reply("add(a=2, b=3)"))
    assert agent.observe(ToolResult(True, "5")) == Ask(({"role": "ipython", "content": "5"},))


@pytest.mark.parametrize(
    ("reply", "given"),
    [
        ("answer(value=12)", "12"),
        ("answer(12.5)", "12.5"),
        ("answer(value='Uncertain')", "Uncertain"),
        ("answer(value=True)", "True"),
        ("So it is done.\nanswer(value=-3)", "-3"),
    ],
)
def test_an_answer_stops_the_chain_and_is_stored_as_text(reply: str, given: str) -> None:
    agent = _agent()
    assert agent.read(_reply(reply)) == Stop("answer")
    assert agent.answer == given
    assert agent.steps[0].result is None


def test_a_thought_needs_no_executor() -> None:
    agent = _agent()
    assert agent.read(_reply('think(thought="First the price of one.")')) == Ask((_user("Noted."),))
    assert agent.steps[0].result == ToolResult(True, "Noted.")


def test_think_is_optional() -> None:
    assert with_agent_tools(ARITHMETIC).tool_names[-2:] == ("think", "answer")
    assert with_agent_tools(ARITHMETIC, thinking=False).tool_names[-2:] == ("percent_of", "answer")


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        ("It is 12.", "unparseable_call", f"The reply is not a call. {ADVICE}"),
        ("", "unparseable_call", f"The reply is empty. {ADVICE}"),
        (
            "ad(a=2, b=3)",
            "unknown_function",
            "There is no function ad. Did you mean add? The functions are: add, subtract, "
            "multiply, divide, percent_of, think, answer.",
        ),
        (
            "add(a=2)",
            "bad_arguments",
            "add: argument b is missing. Use: add(a: number, b: number)",
        ),
    ],
)
def test_an_invalid_call_becomes_a_step_with_an_error_message(
    reply: str, kind: str, message: str
) -> None:
    agent = _agent()
    assert agent.read(_reply(reply, tokens=3), prompt_tokens=9) == Ask((_user(message),))
    (step,) = agent.steps
    assert (step.reply, step.call, step.prompt_tokens, step.completion_tokens) == (
        reply,
        None,
        9,
        3,
    )
    assert step.result is not None
    assert (step.result.ok, step.result.content, step.result.error_kind) == (False, message, kind)


def test_an_invalid_answer_does_not_stop_the_chain() -> None:
    agent = _agent()
    assert isinstance(agent.read(_reply("answer(value=[1, 2])")), Ask)
    assert agent.answer is None
    assert agent.read(_reply("answer(value=3)")) == Stop("answer")
    assert len(agent.steps) == 2


def test_the_last_step_stops_the_chain_unless_it_answers() -> None:
    agent = _agent(max_steps=2)
    agent.read(_reply("add(a=1, b=1)"))
    assert isinstance(agent.observe(ToolResult(True, "2")), Ask)
    assert agent.read(_reply("answer(value=2)")) == Stop("answer")

    agent = _agent(max_steps=2)
    agent.read(_reply("add(a=1, b=1)"))
    agent.observe(ToolResult(True, "2"))
    assert isinstance(agent.read(_reply("add(a=2, b=1)")), Execute)
    assert agent.observe(ToolResult(True, "3")) == Stop("max_steps")
    assert len(agent.steps) == 2


@pytest.mark.parametrize("reply", ["no call", 'think(thought="Hm.")'])
def test_replies_without_an_executed_call_count_as_steps(reply: str) -> None:
    agent = _agent(max_steps=2)
    assert isinstance(agent.read(_reply(reply)), Ask)
    assert agent.read(_reply(reply)) == Stop("max_steps")


def test_failures_of_one_kind_in_a_row_end_a_chain_and_other_results_reset_the_count() -> None:
    agent = _agent(max_steps=9, max_failures=2)
    assert isinstance(agent.read(_reply("no call")), Ask)
    for result in (ToolResult(True, "2"), ToolResult(True, "2"), ToolResult(True, "2")):
        agent.read(_reply("add(a=1, b=1)"))
        assert isinstance(agent.observe(result), Ask)
    assert isinstance(agent.read(_reply("no call")), Ask)
    agent.read(_reply("divide(a=1, b=0)"))
    assert isinstance(agent.observe(ToolResult(False, "no", "function_error")), Ask)
    assert isinstance(agent.read(_reply("no call")), Ask)
    assert agent.read(_reply("none either")) == Stop("max_failures")
    assert len(agent.steps) == 8


def test_state_is_passed_from_call_to_call_and_not_recorded_in_the_steps() -> None:
    agent = _agent()
    states = ({"total": 2}, None, {"total": 5})
    carried = []
    for state in states:
        action = agent.read(_reply("add(a=2, b=3)"))
        assert isinstance(action, Execute)
        carried.append(action.calls[0].state)
        agent.observe(ToolResult(True, "5", state=state))
    assert carried == [None, {"total": 2}, {"total": 2}]
    assert all(step.call and step.call.state is None for step in agent.steps)
    assert [step.result for step in agent.steps] == [ToolResult(True, "5")] * 3


EXAMPLE = {"question": "What is 2 + 3?\n", "calls": ["add(a=2, b=3)"], "answer": "5"}


def test_few_shot_examples_follow_the_functions_and_show_their_results() -> None:
    settings = AgentSettings.model_validate({"examples": [EXAMPLE, EXAMPLE]})
    without, with_examples = (
        dialect_of("arithmetic[add]", chosen).prompt_messages("Q")[0]["content"]
        for chosen in (AgentSettings(), settings)
    )
    one = "What is 2 + 3?\nadd(a=2, b=3)\n5\nanswer(value=5)"
    added = f"\n\nSolved examples, the result of each call behind it:\n\n{one}\n\n{one}"
    assert with_examples == without + added


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("add(a=2)", "agent.examples: the call add(a=2) fails: "),
        ("divide(a=2, b=0)", "agent.examples: the call divide(a=2, b=0) fails: "),
    ],
)
def test_an_example_with_a_failing_call_is_rejected(call: str, message: str) -> None:
    settings = AgentSettings.model_validate({"examples": [EXAMPLE | {"calls": [call]}]})
    with pytest.raises(CannotStart, match=f"^{re.escape(message)}"):
        dialect_of("arithmetic[add,divide]", settings)


def test_the_last_call_of_each_example_of_the_recipe_folio_returns_its_answer() -> None:
    recipe = load("folio")
    dialect = dialect_of(recipe.toolset, recipe.agent)
    _, *shown = dialect.prompt_messages("Q")[0]["content"].split("Premises:\n")
    answers = [example.answer for example in recipe.agent.examples]
    assert sorted(answers) == ["False", "True", "Uncertain"]
    for text, answer in zip(shown, answers, strict=True):
        *_, result, last = text.strip().splitlines()
        assert (result, last) == (answer, f"answer(value='{answer}')")

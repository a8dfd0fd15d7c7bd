from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from pipeline.agent.agent import dialect_of
from pipeline.agent.driver import Limits, Rollout, Runner, Sampling, Truncation, Usage
from pipeline.agent.loss_masks import encode
from pipeline.agent.prompt import Inject, render
from pipeline.agent.transcript import ChatTemplate
from pipeline.recipe.models import AgentSettings
from pipeline.records import Chain, Step
from tests.pipeline.agent.scripted import (
    ARITHMETIC,
    InProcess,
    ScriptedEngine,
    TextTokenizer,
    rollout,
    task,
)
from toolsets import Executor, ToolCall, ToolResult

T = TypeVar("T")

QUESTION = "Ava has 3 bags of 4 pens and loses 2. How many pens?"
SCRIPT = {
    QUESTION: [
        "multiply(a=3, b=4)",
        "subtract(a=12)",
        'think(thought="Two arguments.")',
        "subtract(a=12, b=2)",
        "answer(value=10)",
    ]
}


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 30))


@pytest.fixture(params=["in process", "in a worker process"])
def runner(request: pytest.FixtureRequest) -> Any:
    if request.param == "in process":
        yield InProcess()
    else:
        with Executor(ARITHMETIC, workers=1) as executor:
            yield executor


def test_a_chain_is_made_end_to_end(tokenizer: TextTokenizer, runner: Runner) -> None:
    chain = _run(rollout(ScriptedEngine(tokenizer, SCRIPT), runner)(task(QUESTION, "10")))
    assert (chain.stop_reason, chain.answer, chain.error) == ("answer", "10", None)
    assert (chain.chain_id, chain.problem_id) == (f"{QUESTION}/teacher/0", QUESTION)
    assert (chain.model, chain.sample_index, chain.seed) == ("teacher", 0, 7)
    assert [step.reply for step in chain.steps] == SCRIPT[QUESTION]
    bad = "subtract: argument b is missing. Use: subtract(a: number, b: number)"
    assert [step.result for step in chain.steps] == [
        ToolResult(True, "12"),
        ToolResult(False, bad, "bad_arguments"),
        ToolResult(True, "Noted."),
        ToolResult(True, "10"),
        None,
    ]
    assert chain.calls == 3  # multiply, think, subtract; the unparseable call does not count
    roles = [message["role"] for message in chain.messages]
    expected = "system user assistant tool assistant user assistant tool assistant tool assistant"
    assert roles == expected.split()
    assert chain.messages[1]["content"] == QUESTION


def test_each_prompt_starts_with_the_previous_prompt_and_the_reply_as_sampled(
    tokenizer: TextTokenizer,
) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT)
    chain = _run(rollout(engine)(task(QUESTION)))
    prompts = [request.prompt for request in engine.requests]
    replies = [tuple(ChatTemplate(tokenizer).reply(reply)) for reply in SCRIPT[QUESTION]]
    for before, reply, after in zip(prompts, replies, prompts[1:], strict=False):
        assert after[: len(before) + len(reply)] == before + reply
        new = tokenizer.decode(list(after[len(before) + len(reply) :]))
        assert new.startswith("<|user|>")
        assert new.endswith("<|assistant|>")
    assert [step.prompt_tokens for step in chain.steps] == [len(prompt) for prompt in prompts]
    assert [step.completion_tokens for step in chain.steps] == [len(reply) for reply in replies]
    assert chain.tokens == sum(map(len, replies))


def test_a_student_is_trained_on_the_tokens_that_the_engine_reads(
    tokenizer: TextTokenizer,
) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT)
    driver = rollout(engine, tool_role="tool")
    chain = _run(driver(task(QUESTION)))
    dialect = driver.dialect
    messages = (*dialect.prompt_messages(QUESTION), *render(dialect, chain.steps))
    trained = encode(messages, driver.template)
    last = engine.requests[-1].prompt
    assert tuple(trained.token_ids[: len(last)]) == last
    assert trained.token_ids[len(last) :] == driver.template.reply("answer(value=10)")


def test_a_chain_continues_recorded_replies_as_if_the_engine_had_just_written_them(
    tokenizer: TextTokenizer, runner: Runner
) -> None:
    whole = _run(rollout(ScriptedEngine(tokenizer, SCRIPT), runner)(task(QUESTION)))
    for steps in range(1, 5):
        engine = ScriptedEngine(tokenizer, SCRIPT)
        prefix = tuple(SCRIPT[QUESTION][:steps])
        chain = _run(rollout(engine, runner)(replace(task(QUESTION), prefix=prefix)))
        assert chain == replace(whole, prefix_steps=steps)
        assert len(engine.requests) == 5 - steps
        first = engine.requests[0]
        assert (first.sampling.seed, len(first.prompt)) == (
            7 + steps,
            chain.steps[steps].prompt_tokens,
        )
        assert chain.tokens == sum(step.completion_tokens for step in chain.steps[steps:])


def test_the_state_of_functions_is_exact_after_a_replay(tokenizer: TextTokenizer) -> None:
    class Counting(InProcess):
        """Counts the calls of a chain in the state passed with them."""

        async def submit(self, call: ToolCall) -> ToolResult:
            count = (call.state or {}).get("calls", 0) + 1
            return ToolResult(True, str(count), state={"calls": count})

    script = {QUESTION: ["add(a=1, b=1)"] * 3 + ["answer(3)"]}
    prefix = ("add(a=7, b=7)", "subtract(a=1")  # the second cannot be parsed
    driver = rollout(ScriptedEngine(tokenizer, script), Counting())
    chain = _run(driver(replace(task(QUESTION), prefix=prefix)))
    contents = [step.result.content for step in chain.steps if step.result and step.result.ok]
    assert contents == ["1", "2"]
    assert [step.reply for step in chain.steps] == [*prefix, "add(a=1, b=1)", "answer(3)"]


def test_a_replay_that_fills_the_context_ends_the_chain_without_a_request(
    tokenizer: TextTokenizer,
) -> None:
    probe = ScriptedEngine(tokenizer, SCRIPT)
    _run(rollout(probe)(task(QUESTION)))
    engine = ScriptedEngine(tokenizer, SCRIPT, context=len(probe.requests[1].prompt))
    chain = _run(rollout(engine)(replace(task(QUESTION), prefix=tuple(SCRIPT[QUESTION][:2]))))
    assert (chain.stop_reason, len(chain.steps), engine.requests) == ("context_full", 1, [])
    assert chain.prefix_steps == 2


FAILING, CALL = "subtract(a=12)", "add(a=1, b=1)"


@pytest.mark.parametrize(
    ("prefix", "own", "expected"),
    [
        ([FAILING] * 3, [FAILING, CALL, "answer(2)"], "answer"),  # its first slip does not end it
        ([CALL] * 5, [CALL, "answer(2)"], "answer"),  # of at most 6 replies
        ([CALL] * 9, [CALL] * 5 + ["answer(2)"], "answer"),  # more than a chain may have
        ([FAILING] * 5, ["answer(2)"], "answer"),  # more than a chain may have
        ([FAILING] * 3, [FAILING] * 4, "max_failures"),
        ([FAILING] * 3, [FAILING, CALL] * 3, "max_steps"),
        ([CALL], [CALL] * 6, "max_steps"),
        (["add(", "nothing"], ["nothing"] * 4, "max_failures"),  # of a reply that is no call
        ([], [CALL] * 6, "max_steps"),
        ([], [FAILING] * 4, "max_failures"),
    ],
)
def test_a_continuation_has_steps_and_failures_of_its_own(
    prefix: list[str], own: list[str], expected: str, tokenizer: TextTokenizer
) -> None:
    limits = Limits(max_steps=6, reply_tokens=64, max_failures=4)
    engine = ScriptedEngine(tokenizer, {QUESTION: [*prefix, *own]})
    driver = rollout(engine, limits=limits)
    chain = _run(driver(replace(task(QUESTION), prefix=tuple(prefix))))
    assert (chain.stop_reason, len(chain.steps)) == (expected, len(prefix) + len(own))
    assert len(engine.requests) == len(own)


def test_every_turn_has_a_different_seed(tokenizer: TextTokenizer) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT)
    _run(rollout(engine)(task(QUESTION, seed=100)))
    expected = [Sampling(0.0, 64, 100 + turn) for turn in range(5)]
    assert [request.sampling for request in engine.requests] == expected


def test_every_request_samples_from_the_same_tokens(tokenizer: TextTokenizer) -> None:
    engine, few = ScriptedEngine(tokenizer, SCRIPT), Truncation(0.9, 40, 0.05)
    _run(replace(rollout(engine), truncation=few)(task(QUESTION)))
    assert {request.sampling.truncation for request in engine.requests} == {few}


def test_a_stop_string_ends_the_reply_and_the_template_ends_the_turn_after_it(
    tokenizer: TextTokenizer,
) -> None:
    question, calls = "2 + 3?", "add(a=2, b=3)\nadd(a=5, b=0)"
    both = rollout(ScriptedEngine(tokenizer, {question: [calls]}), limits=Limits(1, 64))
    assert _run(both(task(question))).calls == 0  # a reply with two calls is not executed

    engine = ScriptedEngine(tokenizer, {question: [calls, "answer(value=5)"]})
    chain = _run(rollout(engine, limits=Limits(8, 64, stop=(")\n",)))(task(question)))
    assert [step.reply for step in chain.steps] == ["add(a=2, b=3)\n", "answer(value=5)"]
    prompt, after = (request.prompt for request in engine.requests)
    assert after[: len(prompt)] == prompt
    added = tokenizer.decode(list(after[len(prompt) :]))
    assert added == "add(a=2, b=3)\n<|end|><|user|>5<|assistant|>"


def test_a_reply_cut_by_length_becomes_a_step_and_the_chain_continues(
    tokenizer: TextTokenizer,
) -> None:
    script = {"2 + 3?": ["Let me think about all of it first: add(a=2, b=3)", "answer(value=5)"]}
    engine = ScriptedEngine(tokenizer, script)
    whole = tuple(ChatTemplate(tokenizer).reply(script["2 + 3?"][0]))
    chain = _run(rollout(engine, limits=Limits(8, reply_tokens=15))(task("2 + 3?")))
    first, second = chain.steps
    assert (first.call, first.completion_tokens) == (None, 15)
    assert first.result is not None
    assert first.result.error_kind == "unparseable_call"
    assert (second.reply, chain.answer) == ("answer(value=5)", "5")
    prompt, after = (request.prompt for request in engine.requests)
    assert after[: len(prompt) + 15] == prompt + whole[:15]
    end = len(prompt) + 15
    assert tokenizer.decode(list(after[end : end + 2])) == "<|end|><|user|>"


def test_a_full_context_ends_the_chain(tokenizer: TextTokenizer) -> None:
    probe = ScriptedEngine(tokenizer, SCRIPT)
    _run(rollout(probe)(task(QUESTION)))
    second = len(probe.requests[1].prompt)

    engine = ScriptedEngine(tokenizer, SCRIPT, context=second)
    chain = _run(rollout(engine)(task(QUESTION)))
    assert (chain.stop_reason, chain.answer) == ("context_full", None)
    assert len(chain.steps) == len(engine.requests) == 1

    engine = ScriptedEngine(tokenizer, SCRIPT, context=second + 1)
    chain = _run(rollout(engine)(task(QUESTION)))
    assert (chain.stop_reason, len(chain.steps)) == ("context_full", 2)
    assert engine.requests[-1].sampling.max_tokens == 1  # the last token of the context


def test_usage_counts_prompt_tokens_and_those_that_earlier_requests_contained(
    tokenizer: TextTokenizer,
) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT)
    usage = Usage(common=40, block=16)
    chain = _run(replace(rollout(engine), usage=usage)(task(QUESTION)))
    prompts = [len(request.prompt) for request in engine.requests]
    written = [step.completion_tokens for step in chain.steps]
    seen = [40, *(read + wrote for read, wrote in zip(prompts, written, strict=True))]
    assert (
        usage.tokens
        == {
            "prompt": sum(prompts),
            "cached": 0,  # a script has no cache
            "cacheable": sum(one // 16 * 16 for one in seen[:-1]),
            "written": sum(written),
        }
    )
    before = replace(usage)
    continued = replace(task(QUESTION), prefix=tuple(SCRIPT[QUESTION][:2]))
    _run(replace(rollout(engine), usage=usage)(continued))
    assert usage.since(before).prompt == sum(prompts[2:])  # replayed turns make no requests


def test_a_question_that_fills_the_context_makes_a_chain_without_steps(
    tokenizer: TextTokenizer,
) -> None:
    chain = _run(rollout(ScriptedEngine(tokenizer, SCRIPT, context=10))(task(QUESTION)))
    assert (chain.stop_reason, chain.steps, len(chain.messages)) == ("context_full", (), 2)


def test_a_chain_ends_after_max_steps(tokenizer: TextTokenizer) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT)
    chain = _run(rollout(engine, limits=Limits(max_steps=3, reply_tokens=64))(task(QUESTION)))
    assert (chain.stop_reason, len(chain.steps), len(engine.requests)) == ("max_steps", 3, 3)


def test_an_engine_error_is_retried_with_the_same_request(
    tokenizer: TextTokenizer,
) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT, failures=2)
    chain = _run(rollout(engine, limits=Limits(8, 64, retries=2))(task(QUESTION)))
    assert (chain.stop_reason, chain.answer, chain.error) == ("answer", "10", None)
    assert engine.requests[0] == engine.requests[1] == engine.requests[2]
    assert len(engine.requests) == 5 + 2


def test_an_engine_that_keeps_failing_ends_the_chain_with_its_error(
    tokenizer: TextTokenizer,
) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT, failures=3)
    chain = _run(rollout(engine, limits=Limits(8, 64, retries=2))(task(QUESTION)))
    assert (chain.stop_reason, chain.error) == ("engine_error", "the engine is away")
    assert (chain.answer, chain.steps, len(engine.requests)) == (None, (), 3)


def test_another_exception_of_the_engine_is_not_handled_as_an_engine_error(
    tokenizer: TextTokenizer,
) -> None:
    script = {QUESTION: ["add(a=1, b=1)"]}  # no reply for the second turn
    with pytest.raises(IndexError):
        _run(rollout(ScriptedEngine(tokenizer, script))(task(QUESTION)))


def test_chains_do_not_wait_for_each_other(tokenizer: TextTokenizer) -> None:
    """The engine answers the first chain only after all others have ended."""

    async def all_chains() -> list[Chain]:
        questions = [f"How many are {i} and {i}?" for i in range(100, 140)]
        script = {q: [f"add(a={q[13:16]}, b={q[13:16]})", "answer(value=0)"] for q in questions}
        gate = asyncio.Event()
        engine = ScriptedEngine(tokenizer, script, gates={questions[0]: gate})
        driver = rollout(engine)
        slow, *others = [asyncio.ensure_future(driver(task(q))) for q in questions]
        done = await asyncio.gather(*others)
        assert not slow.done()
        gate.set()
        return [await slow, *done]

    chains = _run(all_chains())
    assert [chain.stop_reason for chain in chains] == ["answer"] * 40
    results = [chain.steps[0].result for chain in chains]
    assert results == [ToolResult(True, str(2 * i)) for i in range(100, 140)]


def test_a_chain_does_not_wait_for_the_calls_of_others(tokenizer: TextTokenizer) -> None:
    class Slow(InProcess):
        """Delays the call with argument 1 until the gate opens."""

        async def submit(self, call: ToolCall) -> ToolResult:
            if call.arguments["a"] == 1:
                await gate.wait()
            return self.toolset.execute(call)

    gate = asyncio.Event()
    script = {"One?": ["add(a=1, b=1)", "answer(2)"], "Two?": ["add(a=2, b=2)", "answer(4)"]}

    async def both() -> list[Chain]:
        driver: Rollout = rollout(ScriptedEngine(tokenizer, script), Slow())
        slow = asyncio.ensure_future(driver(task("One?")))
        fast = await driver(task("Two?"))
        assert not slow.done()
        gate.set()
        return [await slow, fast]

    assert [chain.answer for chain in _run(both())] == ["2", "4"]


def test_requests_have_the_grammar_of_the_dialect(
    tokenizer: TextTokenizer,
) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT)
    driver = rollout(engine)
    for structured in (False, True):
        dialect = dialect_of("arithmetic[add]", AgentSettings(), structured=structured)
        _run(replace(driver, dialect=dialect)(task(QUESTION)))
    turns = len(SCRIPT[QUESTION])
    free, constrained = engine.requests[:turns], engine.requests[turns:]
    assert {request.sampling.grammar for request in free} == {None}
    assert {request.sampling.grammar for request in constrained} == {dialect.grammar}
    assert all(f'"{name}("' in (dialect.grammar or "") for name in ("add", "think", "answer"))


def test_the_same_script_makes_the_same_chain(tokenizer: TextTokenizer) -> None:
    first, second = (
        _run(rollout(ScriptedEngine(tokenizer, SCRIPT))(task(QUESTION))) for _ in range(2)
    )
    assert first == second


def test_steps_contain_the_raw_text_of_calls(tokenizer: TextTokenizer) -> None:
    script = {"2 + 3?": ["I add them.\nadd(2, b=3)", "answer(5)"]}
    chain = _run(rollout(ScriptedEngine(tokenizer, script))(task("2 + 3?")))
    raw = "I add them.\nadd(2, b=3)"
    call = ToolCall("add", {"a": 2, "b": 3}, raw)
    first = chain.steps[0]
    assert first == Step(
        raw, call, ToolResult(True, "5"), first.prompt_tokens, first.completion_tokens
    )
    assert Inject(ARITHMETIC).reply(first) == {"role": "assistant", "content": raw}

"""POST /v1/solve: a problem solved by the agent, returned whole and as a stream of events."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.agent.driver import Limits, Runner, Sampling
from tests.pipeline.agent.scripted import ARITHMETIC, InProcess, ScriptedEngine, TextTokenizer
from tests.serving.scripted import (
    MODEL,
    ask,
    error_message,
    events,
    leave_after_the_first_chunk,
    service,
)
from toolsets import Executor, ToolCall, ToolResult

SOLVE = "/v1/solve"
QUESTION = "Ava has 3 bags of 4 pens and loses 2. How many pens?"
SCRIPT = {
    QUESTION: ["multiply(a=3, b=4)", "subtract(a=12)", "subtract(a=12, b=2)", "answer(value=10)"]
}
BAD = "subtract: argument b is missing. Use: subtract(a: number, b: number)"


@pytest.fixture
def engine(tokenizer: TextTokenizer) -> ScriptedEngine:
    return ScriptedEngine(tokenizer, SCRIPT)


@pytest.fixture(params=["in process", "in a worker process"])
def runner(request: pytest.FixtureRequest) -> Any:
    if request.param == "in process":
        yield InProcess()
    else:
        with Executor(ARITHMETIC, workers=1) as executor:
            yield executor


def test_a_problem_is_solved(engine: ScriptedEngine, runner: Runner) -> None:
    answer = ask(service(engine, runner), "POST", SOLVE, json={"problem": QUESTION})
    assert answer.status_code == 200, answer.text
    solved = answer.json()
    assert (solved["answer"], solved["stop_reason"]) == ("10", "answer")
    assert (solved["model"], solved["problem"]) == (MODEL, QUESTION)
    first, second, third, last = solved["steps"]
    assert first["reply"] == "multiply(a=3, b=4)"
    assert first["call"] == {"name": "multiply", "arguments": {"a": 3, "b": 4}}
    assert first["result"] == {"ok": True, "content": "12", "error_kind": None}
    assert second["call"] is None
    assert second["result"] == {"ok": False, "content": BAD, "error_kind": "bad_arguments"}
    assert third["result"]["content"] == "10"
    assert (last["call"]["name"], last["result"]) == ("answer", None)
    assert [step["index"] for step in solved["steps"]] == [0, 1, 2, 3]


def test_a_solved_problem_has_messages_and_usage(engine: ScriptedEngine) -> None:
    solved = ask(service(engine), "POST", SOLVE, json={"problem": QUESTION}).json()
    roles = [message["role"] for message in solved["messages"]]
    expected = "system user assistant tool assistant user assistant tool assistant"
    assert roles == expected.split()
    assert solved["messages"][1] == {"role": "user", "content": QUESTION}
    prompts = [len(request.prompt) for request in engine.requests]
    assert [step["prompt_tokens"] for step in solved["steps"]] == prompts
    written = sum(step["completion_tokens"] for step in solved["steps"])
    assert solved["usage"] == {
        "prompt_tokens": sum(prompts),
        "completion_tokens": written,
        "calls": 2,
    }
    assert written > 0


def test_a_step_shows_every_call_of_a_reply_with_several(tokenizer: TextTokenizer) -> None:
    replies = ["multiply(a=3, b=4)\nadd(a=1, b=1)", "answer(value=12)"]
    several = service(ScriptedEngine(tokenizer, {QUESTION: replies}))
    dialect = replace(several.rollout.dialect, several=True)  # type: ignore[type-var]  # Inject
    several = replace(several, rollout=replace(several.rollout, dialect=dialect))
    solved = ask(several, "POST", SOLVE, json={"problem": QUESTION}).json()
    first, last = solved["steps"]
    assert [each["call"]["name"] for each in first["parallel"]] == ["multiply", "add"]
    assert [each["result"]["content"] for each in first["parallel"]] == ["12", "2"]
    assert (first["call"], last["parallel"]) == (first["parallel"][0]["call"], [])
    assert first["result"]["content"] == "Result 1: 12\nResult 2: 2"
    assert solved["usage"]["calls"] == 2


def test_a_stream_has_each_step_and_then_the_whole_chain(
    engine: ScriptedEngine, runner: Runner
) -> None:
    solving = service(engine, runner)
    whole = ask(solving, "POST", SOLVE, json={"problem": QUESTION}).json()
    answer = ask(solving, "POST", SOLVE, json={"problem": QUESTION, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    streamed = events(answer.text)
    assert [name for name, _ in streamed] == ["step", "step", "step", "step", "chain"]
    assert [data for name, data in streamed if name == "step"] == whole["steps"]
    assert streamed[-1][1] == whole


@pytest.mark.parametrize("sending", [True, False])
def test_a_step_is_sent_at_once_and_a_client_that_leaves_ends_its_chain(
    tokenizer: TextTokenizer, sending: bool
) -> None:
    """The client receives the first step and leaves while the engine is at the second."""
    gates = {"subtract(a=12)": asyncio.Event()}
    engine = ScriptedEngine(tokenizer, SCRIPT, gates=gates)

    async def leave() -> list[bytes]:
        body = {"problem": QUESTION, "stream": True}
        chunks = await leave_after_the_first_chunk(service(engine), SOLVE, body, sending)
        assert engine.cancelled == 1  # before the event loop ends
        return chunks

    (chunk,) = asyncio.run(leave())
    assert events(chunk.decode())[0][1]["result"]["content"] == "12"
    assert len(engine.requests) == 2


def test_an_unavailable_engine_returns_503_with_retry_after(tokenizer: TextTokenizer) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT, failures=1)
    answer = ask(service(engine), "POST", SOLVE, json={"problem": QUESTION})
    assert error_message(answer, 503) == "not available now: the engine is away"
    assert int(answer.headers["retry-after"]) > 0


def test_an_unavailable_engine_ends_a_stream_with_an_error(tokenizer: TextTokenizer) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT, failures=1)
    answer = ask(service(engine), "POST", SOLVE, json={"problem": QUESTION, "stream": True})
    ((name, data),) = events(answer.text)
    assert name == "error"
    assert data["error"]["message"] == "not available now: the engine is away"
    assert data["error"]["code"] == 503


def test_an_engine_error_is_retried_within_the_limit(tokenizer: TextTokenizer) -> None:
    engine = ScriptedEngine(tokenizer, SCRIPT, failures=2)
    retrying = service(engine, limits=Limits(8, 64, retries=2))
    assert ask(retrying, "POST", SOLVE, json={"problem": QUESTION}).json()["answer"] == "10"


@pytest.mark.parametrize(
    ("max_steps", "steps", "stop_reason"),
    [(None, 3, "max_steps"), (1, 1, "max_steps"), (2, 2, "max_steps"), (100, 3, "max_steps")],
)
def test_a_request_may_lower_the_steps_but_not_raise_them(
    engine: ScriptedEngine, max_steps: int | None, steps: int, stop_reason: str
) -> None:
    limited = service(engine, limits=Limits(max_steps=3, reply_tokens=64))
    body = {"problem": QUESTION, "max_steps": max_steps}
    solved = ask(limited, "POST", SOLVE, json=body).json()
    assert (len(solved["steps"]), solved["stop_reason"]) == (steps, stop_reason)
    assert solved["answer"] is None


def test_temperature_and_seed_of_a_request_are_used(engine: ScriptedEngine) -> None:
    body = {"problem": QUESTION, "temperature": 0.5, "seed": 100, "model": MODEL}
    ask(service(engine), "POST", SOLVE, json=body)
    expected = [Sampling(0.5, 64, 100 + turn) for turn in range(4)]
    assert [request.sampling for request in engine.requests] == expected


def test_decoding_is_greedy_by_default(engine: ScriptedEngine) -> None:
    ask(service(engine), "POST", SOLVE, json={"problem": QUESTION})
    assert engine.requests[0].sampling == Sampling(0.0, 64, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_problem_that_does_not_fit_is_refused_with_both_lengths(
    tokenizer: TextTokenizer, stream: bool
) -> None:
    probe = ScriptedEngine(tokenizer, SCRIPT)
    ask(service(probe), "POST", SOLVE, json={"problem": QUESTION})
    tokens = len(probe.requests[0].prompt)

    full = ScriptedEngine(tokenizer, SCRIPT, context=tokens)
    body = {"problem": QUESTION, "stream": stream}
    assert error_message(ask(service(full), "POST", SOLVE, json=body), 400) == (
        f"the prompt with this problem has {tokens:,} tokens, and this model reads at most "
        f"{tokens:,}, its replies included"
    )
    assert full.requests == []

    larger = ScriptedEngine(tokenizer, SCRIPT, context=tokens + 1)
    assert ask(service(larger), "POST", SOLVE, json=body).status_code == 200


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "problem: field required"),
        ({"problem": ""}, "problem: string should have at least 1 character"),
        ({"problem": 7}, "problem: input should be a valid string"),
        ({"problem": "\ud800"}, "problem: input should be a valid string"),
        ({"problem": "x", "question": "y"}, "question: extra inputs are not permitted"),
        ({"problem": "x", "max_steps": 0}, "max_steps: input should be greater than or equal to 1"),
        ({"problem": "x", "temperature": -1}, "temperature: input should be greater than or equal"),
        ({"problem": "x", "temperature": float("nan")}, "temperature: input should be a finite"),
        ({"problem": "x", "seed": 2**31}, "seed: input should be less than 2147483648"),
        ({"problem": "x", "stream": "perhaps"}, "stream: input should be a valid boolean"),
    ],
)
def test_an_invalid_request_is_refused_naming_the_field(
    engine: ScriptedEngine, body: Any, sentence: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = ask(service(engine), "POST", SOLVE, content=json.dumps(body), headers=headers)
    assert error_message(answer, 400).startswith(sentence)
    assert engine.requests == []


def test_an_unknown_model_is_refused_naming_the_known_one(engine: ScriptedEngine) -> None:
    answer = ask(service(engine), "POST", SOLVE, json={"problem": QUESTION, "model": "other"})
    assert error_message(answer, 404) == f"model 'other' is not served here; known: {MODEL}"


def test_a_very_long_problem_is_refused_without_encoding_it(engine: ScriptedEngine) -> None:
    answer = ask(service(engine), "POST", SOLVE, json={"problem": " " * 200_000})
    assert error_message(answer, 400) == (
        "the problem has 200,000 characters, and this model reads at most 2,048 tokens"
    )


def test_a_bug_ends_a_stream_with_an_error(engine: ScriptedEngine) -> None:
    class Broken:
        async def submit(self, call: ToolCall) -> ToolResult:
            raise KeyError("a secret")

    body = {"problem": QUESTION, "stream": True}
    answer = ask(service(engine, Broken()), "POST", SOLVE, json=body)
    assert answer.text.startswith("event: error\n")
    assert "its log has the reason" in answer.text
    assert "secret" not in answer.text

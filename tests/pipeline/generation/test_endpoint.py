"""A teacher at an endpoint over real HTTP: same chains as an engine, retries, refusals, pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count, pairwise
from typing import Any

import pytest

from pipeline.agent.agent import with_agent_tools
from pipeline.agent.driver import ALL_TOKENS, Limits, Truncation, Usage
from pipeline.agent.prompt import Inject
from pipeline.engine.engine import EngineRefused
from pipeline.generation.endpoint import (
    KEY_VARIABLE,
    Endpoint,
    EndpointRollout,
    EndpointSettings,
    endpoint_of,
)
from pipeline.recipe.load import load
from pipeline.records import Chain, Task
from tests.pipeline.agent.scripted import (
    ARITHMETIC,
    InProcess,
    ScriptedEngine,
    TextTokenizer,
    rollout,
    task,
)
from tests.pipeline.generation.openai_server import Answer, Server, completion, refusal, serving

QUESTION = "Ava has 3 bags of 4 pens and loses 2. How many pens?"
REPLIES = ["multiply(a=3, b=4)", "subtract(a=12)", "subtract(a=12, b=2)", "answer(value=10)"]
TOO_LONG = "This model's maximum context length is 1024 tokens. However, you requested more."


def replies(body: Mapping[str, Any]) -> Answer:
    """The next of REPLIES, with `turn + 5` tokens after a prompt of `100 + turn` tokens."""
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    return completion(REPLIES[turn], 100 + turn, turn + 5, cached=turn)


def by_turns(answers: Iterable[Answer]) -> Callable[[Mapping[str, Any]], Answer]:
    """Answer each request with the next of `answers`."""
    remaining = iter(answers)
    return lambda body: next(remaining)


def settings(url: str, per_minute: float | None = None, key: str = "") -> EndpointSettings:
    return EndpointSettings(url, per_minute, request_seconds=30, key=key)


def chains(
    server: Server,
    tasks: Sequence[Task],
    retries: int = 2,
    per_minute: float | None = None,
    truncation: Truncation = ALL_TOKENS,
) -> tuple[list[Chain], Usage]:
    """Make the chains of `tasks` concurrently; also returns their usage."""

    async def make() -> tuple[list[Chain], Usage]:
        endpoint = Endpoint("large", settings(server.url, per_minute, "secret"), retries)
        driver = EndpointRollout(
            endpoint=endpoint,
            dialect=Inject(with_agent_tools(ARITHMETIC)),
            runner=InProcess(),
            limits=Limits(max_steps=8, reply_tokens=64),
            temperature=0.7,
            truncation=truncation,
        )
        return await asyncio.gather(*map(driver, tasks)), driver.usage

    return asyncio.run(asyncio.wait_for(make(), 60))


def without_counts(chain: Chain) -> Chain:
    """A chain without its token counts."""
    steps = (replace(step, prompt_tokens=0, completion_tokens=0) for step in chain.steps)
    return replace(chain, steps=tuple(steps))


@pytest.mark.parametrize("prefix", range(4))
def test_an_endpoint_makes_the_same_chain_as_an_engine(
    tokenizer: TextTokenizer, prefix: int
) -> None:
    prefixed = replace(task(QUESTION, "10"), prefix=tuple(REPLIES[:prefix]))
    engine = ScriptedEngine(tokenizer, {QUESTION: REPLIES})
    expected = asyncio.run(rollout(engine)(prefixed))
    with serving(replies) as server:
        (chain,), _ = chains(server, [prefixed])
    assert without_counts(chain) == without_counts(expected)
    assert chain.answer == "10"
    assert len(server.requests) == 4 - prefix


def test_top_p_is_sent_if_it_is_set() -> None:
    """Some models refuse the parameter, so the default is not sent."""
    with serving(replies) as server:
        chains(server, [task(QUESTION)], truncation=Truncation(top_p=0.9))
    assert {request.body["top_p"] for request in server.requests} == {0.9}


def test_requests_send_the_whole_conversation_and_token_counts_are_the_servers() -> None:
    with serving(replies) as server:
        (chain,), usage = chains(server, [task(QUESTION, seed=7)])
    bodies = [request.body for request in server.requests]
    assert {key: bodies[1][key] for key in bodies[1] if key != "messages"} == {
        "model": "large",
        "temperature": 0.7,
        "max_tokens": 64,
        "seed": 8,
    }
    prompt, rest = bodies[1]["messages"][:2], bodies[1]["messages"][2:]
    assert prompt == list(Inject(with_agent_tools(ARITHMETIC)).prompt_messages(QUESTION))
    assert rest == [
        {"role": "assistant", "content": REPLIES[0]},
        {"role": "user", "content": "12"},
    ]
    counts = [(step.prompt_tokens, step.completion_tokens) for step in chain.steps]
    assert counts == [(100, 5), (101, 6), (102, 7), (103, 8)]
    assert usage.tokens == {"prompt": 406, "cached": 6, "cacheable": 6, "written": 26}
    assert {request.authorization for request in server.requests} == {"Bearer secret"}


def test_a_transient_error_is_retried_after_the_delay_that_the_server_asks_for() -> None:
    answers = [refusal(429, "slow down", {"Retry-After": "1"}), refusal(500, "oh")]
    with serving(by_turns([*answers, *map(completion, REPLIES)])) as server:
        (chain,), _ = chains(server, [task(QUESTION)])
    assert [step.reply for step in chain.steps] == REPLIES
    first, second, third, *_ = server.requests
    assert first.body == second.body == third.body
    assert second.at - first.at >= 1


def test_an_error_that_persists_is_an_engine_error_after_the_retries() -> None:
    with serving(lambda body: refusal(503, "the model is asleep")) as server:
        (chain,), _ = chains(server, [task(QUESTION)], retries=1)
    assert chain.stop_reason == "engine_error"
    assert chain.error == "InternalServerError: the model is asleep"
    assert len(server.requests) == 2


def test_an_answer_without_a_reply_is_an_engine_error_with_the_servers_words() -> None:
    with serving(lambda body: (200, {"error": {"message": "out of memory"}}, {})) as server:
        (chain,), _ = chains(server, [task(QUESTION)])
    assert chain.stop_reason == "engine_error"
    assert chain.error == "the server answered with an error: out of memory"


def test_a_reply_in_parts_is_read() -> None:
    def parts(body: Mapping[str, Any]) -> Answer:
        _, content, headers = replies(body)
        message = content["choices"][0]["message"]
        message["content"] = [{"type": "text", "text": part} for part in message["content"]]
        return 200, {**content, "usage": {}}, headers

    with serving(parts) as server:
        (chain,), usage = chains(server, [task(QUESTION)])
    assert [step.reply for step in chain.steps] == REPLIES
    assert (chain.answer, usage.prompt) == ("10", 0)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, TOO_LONG),
        (400, {"error": {"message": "Too much.", "code": "context_length_exceeded"}}, {}),
    ],
)
def test_a_prompt_that_is_too_long_for_the_server_ends_its_chain(answer: Answer) -> None:
    with serving(by_turns([completion(REPLIES[0]), answer])) as server:
        (chain,), _ = chains(server, [task(QUESTION)])
    assert (chain.stop_reason, len(chain.steps), chain.error) == ("context_full", 1, None)


def test_another_bad_request_is_an_engine_error() -> None:
    with serving(lambda body: refusal(400, "seed is not supported")) as server:
        (chain,), _ = chains(server, [task(QUESTION)])
    assert chain.error == "BadRequestError: seed is not supported"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, f"refuses the key in {KEY_VARIABLE} (401): no"),
        (403, f"refuses the key in {KEY_VARIABLE} (403): no"),
        (404, "has no model 'large', or no chat completions (404): no"),
    ],
)
def test_an_error_of_every_request_raises_and_makes_no_chain(status: int, message: str) -> None:
    with serving(lambda body: refusal(status, "no")) as server:
        with pytest.raises(EngineRefused) as raised:
            chains(server, [task(QUESTION)])
        assert str(raised.value) == f"teacher.endpoint {server.url} {message}"
    assert len(server.requests) == 1


def test_requests_and_retries_keep_the_pace() -> None:
    turn = count()

    def answer(body: Mapping[str, Any]) -> Answer:
        at_once = {"Retry-After-Ms": "1"}
        return refusal(429, "wait", at_once) if next(turn) == 2 else completion("answer(value=1)")

    with serving(answer) as server:
        made, _ = chains(server, [task(f"{i}?") for i in range(5)], per_minute=300)
    assert [chain.answer for chain in made] == ["1"] * 5
    gaps = [after.at - before.at for before, after in pairwise(server.requests)]
    assert len(gaps) == 5
    assert sum(gaps) >= 5 * 0.2 - 0.05  # from the first to the sixth


def _check(url: str, key: str = "") -> None:
    async def check() -> None:
        await Endpoint("large", settings(url, key=key), retries=0).check()

    asyncio.run(check())


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_a_server_that_does_not_list_its_models_is_accepted(status: int) -> None:
    with serving(replies, models=status) as server:
        _check(server.url)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", f"requires a key, set {KEY_VARIABLE}"),
        ("wrong", f"refuses the key in {KEY_VARIABLE}"),
    ],
)
def test_a_missing_or_wrong_key_is_reported_before_any_chain(
    key: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with serving(replies, models=401) as server, pytest.raises(EngineRefused) as raised:
        _check(server.url, key)
    assert str(raised.value) == f"teacher.endpoint {server.url} {message} (401): no models here"


def test_an_unreachable_endpoint_is_refused() -> None:
    with serving(replies) as server:
        pass
    with pytest.raises(EngineRefused, match=rf"^teacher.endpoint {server.url} cannot be reached: "):
        _check(server.url)


def test_each_actor_gets_its_share_of_the_rate_and_the_key_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    endpoint = ["teacher.endpoint=http://host/v1", "teacher.requests_per_minute=60"]
    recipe = load("pocket", [*endpoint, "cluster.actors_max=4"])
    of_actor = endpoint_of(recipe.teacher, recipe.cluster)
    assert of_actor == EndpointSettings("http://host/v1", 15, 600, "secret")
    assert "secret" not in repr(of_actor)
    assert "secret" not in recipe.model_dump_json()
    assert endpoint_of(recipe.student, recipe.cluster) is None

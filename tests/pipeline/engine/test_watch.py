"""An engine that writes no token while requests wait; no engine is started."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from pipeline.agent.driver import EngineError, Sampling
from pipeline.engine.watch import Watch, WatchedEngine
from pipeline.records import Reply

SECONDS = 0.2
SAMPLING = Sampling(0.0, 8, 0)


@dataclass
class Engine:
    """Writes a token each `pace` seconds, `tokens` for a reply; hangs after `until` tokens."""

    pace: float = 0.0
    tokens: int = 1
    until: int = 10_000
    context: int = 64
    on_token: Callable[[], None] = field(default=lambda: None)
    cancelled: int = 0

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        try:
            for _ in range(self.tokens):
                if self.until <= 0:
                    await asyncio.Event().wait()
                await asyncio.sleep(self.pace)
                self.until -= 1
                self.on_token()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Reply("text", (1,))


Result = Reply | BaseException


def replies(
    engine: Engine, count: int, seconds: float | None = SECONDS
) -> tuple[list[Result], Watch]:
    """Request `count` replies at once."""

    async def run() -> tuple[list[Result], Watch]:
        watch = Watch(seconds)
        watched = WatchedEngine(engine, watch)
        requests = (watched.generate([1], SAMPLING) for _ in range(count))
        return await asyncio.gather(*requests, return_exceptions=True), watch

    return asyncio.run(asyncio.wait_for(run(), 30))


def test_replies_that_take_long_are_no_stall_while_tokens_come() -> None:
    results, watch = replies(Engine(pace=SECONDS / 4, tokens=10), 3)
    assert [type(result) for result in results] == [Reply] * 3
    assert not watch.stalled


def test_requests_that_wait_for_others_are_no_stall() -> None:
    slot = asyncio.Semaphore(1)

    class Slow(Engine):
        async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
            async with slot:
                return await super().generate(prompt_token_ids, sampling)

    results, watch = replies(Slow(pace=SECONDS / 4, tokens=2), 5)
    assert [type(result) for result in results] == [Reply] * 5
    assert not watch.stalled


@pytest.mark.parametrize("until", [0, 1, 5])
def test_without_a_token_all_requests_end_with_an_error(until: int) -> None:
    engine = Engine(tokens=4, until=until)
    results, watch = replies(engine, 3)
    errors = [result for result in results if isinstance(result, EngineError)]
    assert {str(error) for error in errors} == {"the engine wrote no token for 0.2 s"}
    assert len(errors) == engine.cancelled == 3
    assert watch.stalled


def test_after_a_stall_later_requests_end_at_once() -> None:
    async def run() -> None:
        watched = WatchedEngine(engine := Engine(until=0), Watch(SECONDS))
        for _ in range(3):
            with pytest.raises(EngineError, match="no token"):
                await watched.generate([1], SAMPLING)
        assert engine.cancelled == 1

    asyncio.run(asyncio.wait_for(run(), 10))


def test_an_idle_engine_does_not_stall() -> None:
    async def run() -> None:
        watched = WatchedEngine(Engine(), watch := Watch(SECONDS))
        for _ in range(3):
            await watched.generate([1], SAMPLING)
            await asyncio.sleep(1.5 * SECONDS)
        assert not watch.stalled

    asyncio.run(asyncio.wait_for(run(), 10))


def test_without_a_limit_nothing_stalls() -> None:
    results, watch = replies(Engine(pace=SECONDS), 2, seconds=None)
    assert [type(result) for result in results] == [Reply] * 2
    assert not watch.stalled


def test_a_timeout_of_the_engine_is_its_own() -> None:
    class Impatient(Engine):
        async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
            raise TimeoutError("mine")

    results, watch = replies(Impatient(), 1)
    assert repr(results) == "[TimeoutError('mine')]"
    assert not watch.stalled


def test_a_cancelled_request_is_no_stall() -> None:
    async def run() -> bool:
        watched = WatchedEngine(Engine(until=0), watch := Watch(SECONDS))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watched.generate([1], SAMPLING), SECONDS / 4)
        await asyncio.sleep(1.5 * SECONDS)
        return watch.stalled

    assert not asyncio.run(run())

"""Chains that wait while their engine fails every request; no engine is started."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from pipeline.generation.outage import Breaker, Outage, Streak
from pipeline.records import Chain

PAUSE = 0.01  # seconds


def chain(name: str, error: str | None = None) -> Chain:
    stop = "engine_error" if error else "answer"
    return Chain(name, name, "m", 0, 0, (), (), stop, error=error)


@dataclass
class Engine:
    """Fails the attempts with the numbers `away`, and each chain in `never`."""

    away: Iterable[int] = ()
    never: Sequence[str] = ()
    attempts: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0  # attempts at once, of those from number `since` on
    since: int = 0

    def make(self, name: str) -> Callable[[], Awaitable[Chain]]:
        async def attempt() -> Chain:
            number = len(self.attempts)
            self.attempts.append(name)
            self.running += 1
            if number >= self.since:
                self.most = max(self.most, self.running)
            await asyncio.sleep(0)
            self.running -= 1
            failed = number in self.away or name in self.never
            return chain(name, f"attempt {number} failed" if failed else None)

        return attempt


Made = tuple[Chain, Streak | None]


def made(engine: Engine, breaker: Breaker, count: int) -> list[Made | BaseException]:
    """Make chains named 0, 1, ... at once."""

    async def run() -> list[Made | BaseException]:
        return await asyncio.gather(
            *(breaker.chain(engine.make(str(i))) for i in range(count)), return_exceptions=True
        )

    return asyncio.run(asyncio.wait_for(run(), 30))


def errors(results: Sequence[Made | BaseException]) -> list[str]:
    """The names of chains with an error that is no outage."""
    pairs = [result for result in results if isinstance(result, tuple)]
    assert len(pairs) == len(results), results
    return [c.chain_id for c, streak in pairs if streak is not None and not streak.outage]


def test_without_errors_nothing_waits() -> None:
    engine = Engine()
    assert errors(made(engine, Breaker(1, 0.0), 20)) == []
    assert (len(engine.attempts), engine.most) == (20, 20)


@pytest.mark.parametrize("most", [4, None])
def test_fewer_errors_in_a_row_are_results_of_their_chains(most: int | None) -> None:
    engine = Engine(never=["3", "4", "5", "9", "11", "12"])
    assert errors(made(engine, Breaker(most, 0.0), 14)) == engine.never
    assert len(engine.attempts) == 14


@pytest.mark.parametrize("working", [0, 3, 10])
def test_chains_that_began_before_the_first_error_do_not_hide_an_outage(working: int) -> None:
    """Replies of a server that is gone may still arrive between errors."""
    late = [str(2 * i + 1) for i in range(working)]
    engine = Engine(never=[str(i) for i in range(40) if str(i) not in late])
    results = made(engine, Breaker(8, 0.1, first_pause=PAUSE), 40)
    ended = [result for result in results if isinstance(result, tuple)]
    assert [c.chain_id for c, streak in ended if streak is None] == late
    assert all(streak.outage for _, streak in ended if streak is not None)
    assert sum(isinstance(result, Outage) for result in results) >= 40 - 2 * working - 8


def test_errors_among_many_that_work_are_no_outage() -> None:
    engine = Engine(never=[str(i) for i in range(0, 200, 10)])
    assert errors(made(engine, Breaker(4, 0.0), 200)) == engine.never
    assert len(engine.attempts) == 200


def test_without_a_limit_all_errors_are_results() -> None:
    engine = Engine(away=range(100))
    assert len(errors(made(engine, Breaker(None, 0.0), 40))) == 40


def test_one_chain_at_a_time_tries_during_an_outage_and_all_go_on_after_it() -> None:
    engine = Engine(away=range(23), since=20)
    results = made(engine, Breaker(4, 60.0, first_pause=PAUSE), 20)
    assert errors(results) == []
    # the first three ended before the outage was known: their caller makes them again
    again = [result for result in results if isinstance(result, tuple) and result[1] is not None]
    assert [(c.chain_id, streak.outage) for c, streak in again if streak] == [
        (name, True) for name in "012"
    ]
    assert engine.attempts[20:24] == ["3", "4", "5", "6"]
    assert len(engine.attempts) == 23 + 17
    alone = Engine(away=range(100), since=20)
    made(alone, Breaker(4, 0.1, first_pause=PAUSE), 20)
    assert alone.most == 1


def test_pauses_grow_and_the_last_error_is_quoted() -> None:
    engine = Engine(away=range(10_000))
    results = made(engine, Breaker(4, 0.3, first_pause=PAUSE), 20)
    outages = [result for result in results if isinstance(result, Outage)]
    assert len(outages) == 17
    assert 3 <= len(engine.attempts) - 20 <= 6  # after 10, 20, 40, 80, 160 ms
    message = str(outages[0])
    assert message.startswith("every request failed for 0 s, ")
    assert message.endswith(f"the last error: attempt {len(engine.attempts) - 1} failed")


def test_chains_that_always_fail_do_not_keep_an_outage_from_ending() -> None:
    engine = Engine(never=[str(i) for i in range(8)], away=[8])
    results = made(engine, Breaker(8, 0.4, first_pause=PAUSE), 9)
    ended = [result for result in results if isinstance(result, tuple)]
    assert any(c.chain_id == "8" and streak is None for c, streak in ended)


def test_an_error_is_undecided_while_other_chains_run() -> None:
    async def run(failing: int) -> tuple[bool, bool]:
        breaker, go = Breaker(3, 0.0), asyncio.Event()
        engine = Engine(never=["0", "1", "2"])
        _, streak = await breaker.chain(engine.make("0"))
        assert streak is not None

        async def later(name: str) -> None:
            async def make() -> Chain:
                await go.wait()
                return await engine.make(name)()

            with contextlib.suppress(Outage):
                await breaker.chain(make)

        others = [asyncio.create_task(later(str(name))) for name in range(1, 1 + failing)]
        decision = asyncio.create_task(breaker.is_outage(streak))
        await asyncio.sleep(PAUSE)
        waited = not decision.done()
        go.set()
        await asyncio.gather(*others)
        return waited, await decision

    assert asyncio.run(run(0)) == (False, False)  # nothing else runs
    assert asyncio.run(run(1)) == (True, False)
    assert asyncio.run(run(2)) == (True, True)
    assert asyncio.run(run(3)) == (True, True)


def test_a_later_outage_has_its_own_time() -> None:
    breaker = Breaker(2, 0.2, first_pause=0.15)

    async def run() -> None:
        for _ in range(3):
            engine = Engine(away=range(3))
            await asyncio.gather(*(breaker.chain(engine.make(str(i))) for i in range(3)))

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_dead_engine_is_not_waited_for() -> None:
    engine = Engine(away=range(100))
    results = made(engine, Breaker(2, 60.0, dead=lambda: True, first_pause=60.0), 20)
    assert not any(isinstance(result, BaseException) for result in results)
    assert len(engine.attempts) == 20


def test_a_cancelled_chain_lets_the_next_one_try() -> None:
    async def run() -> Made:
        engine, breaker = Engine(away=range(2)), Breaker(2, 60.0, first_pause=PAUSE)
        tasks = [asyncio.create_task(breaker.chain(engine.make(str(i)))) for i in range(4)]
        await asyncio.sleep(PAUSE / 2)
        tasks[1].cancel()
        return (await asyncio.gather(*tasks, return_exceptions=True))[3]  # type: ignore[return-value]

    result, streak = asyncio.run(asyncio.wait_for(run(), 10))
    assert (result.chain_id, streak) == ("3", None)

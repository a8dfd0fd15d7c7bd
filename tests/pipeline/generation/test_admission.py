from __future__ import annotations

import asyncio

import pytest

from pipeline.engine.engine import EngineCapacity
from pipeline.generation.admission import Admission


@pytest.mark.parametrize(
    ("capacity", "most", "guess", "recorded", "bound"),
    [
        (None, 256, 400, (), 256),  # unknown capacity
        (EngineCapacity(10_000, 16, 100), 256, 400, (), 25),
        (EngineCapacity(10_000, 16, 100), 16, 400, (), 16),
        # too few chains ended: at most as many as decode at once
        (EngineCapacity(10_000, 16, 2), 256, 400, (), 2),
        (EngineCapacity(10_000, 16, 2), 256, 400, (100,), 2),
        # the mean of guess and chains is 200
        (EngineCapacity(10_000, 16, 2), 256, 400, (100, 100), 50),
        (EngineCapacity(10_000, 16, 2), 256, 400, (1_000, 1_600), 10),
        (EngineCapacity(300, 16, 100), 256, 400, (), 1),  # at least one
        (EngineCapacity(300, 16, 100), 256, 0, (), 100),
    ],
)
def test_the_bound_is_as_many_chains_as_the_cache_holds(
    capacity: EngineCapacity | None, most: int, guess: int, recorded: tuple[int, ...], bound: int
) -> None:
    admission = Admission(capacity, most, guess)
    for tokens in recorded:
        admission.record(tokens)
    assert admission.bound == bound


async def _run_chains(count: int, admission: Admission, tokens: int) -> tuple[list[int], int]:
    """Run `count` chains; returns the order in which they began and the most at once."""
    began: list[int] = []
    active = most = 0

    async def chain(number: int) -> None:
        nonlocal active, most
        async with admission.chain():
            began.append(number)
            active += 1
            most = max(most, active)
            await asyncio.sleep(0)
            active -= 1
        admission.record(tokens)

    await asyncio.gather(*(chain(number) for number in range(count)))
    return began, most


def test_chains_begin_in_order_and_at_most_as_many_at_once_as_fit() -> None:
    began, most = asyncio.run(
        _run_chains(50, Admission(EngineCapacity(1_000, 16, 8), 8, 250), tokens=250)
    )
    assert (began, most) == ([*range(50)], 4)


def test_more_short_chains_run_at_once_than_guessed() -> None:
    _, most = asyncio.run(
        _run_chains(200, Admission(EngineCapacity(1_000, 16, 8), 32, 1_000), tokens=10)
    )
    assert most == 32


def test_a_cancelled_or_failed_chain_lets_the_next_one_start() -> None:
    async def run() -> list[int]:
        admission = Admission(None, 1, 1)

        async def broken() -> None:
            async with admission.chain():
                raise ValueError

        async def stuck() -> None:
            async with admission.chain():
                await asyncio.Event().wait()

        task = asyncio.create_task(stuck())
        await asyncio.sleep(0)
        waiting = asyncio.create_task(broken())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)
        began, _ = await _run_chains(2, admission, 1)
        return began

    assert asyncio.run(asyncio.wait_for(run(), 10)) == [0, 1]

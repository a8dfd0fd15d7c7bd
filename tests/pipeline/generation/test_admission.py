from __future__ import annotations

import asyncio

import pytest

from pipeline.engine.engine import EngineCapacity
from pipeline.generation.admission import Admission


@pytest.mark.parametrize(
    ("capacity", "most", "guess", "held", "bound"),
    [
        (None, 256, 400, (), 256),  # an engine that does not tell
        (EngineCapacity(10_000, 16, 100), 256, 400, (), 25),
        (EngineCapacity(10_000, 16, 100), 16, 400, (), 16),
        (
            EngineCapacity(10_000, 16, 2),
            256,
            400,
            (),
            2,
        ),  # not more than decode at once, before it is known
        (EngineCapacity(10_000, 16, 2), 256, 400, (100,), 2),
        (
            EngineCapacity(10_000, 16, 2),
            256,
            400,
            (100, 100),
            50,
        ),  # the mean of guess and chains, 200
        (EngineCapacity(10_000, 16, 2), 256, 400, (1_000, 1_600), 10),
        (EngineCapacity(300, 16, 100), 256, 400, (), 1),  # one always goes
        (EngineCapacity(300, 16, 100), 256, 0, (), 100),
    ],
)
def test_as_many_chains_as_the_cache_holds(
    capacity: EngineCapacity | None, most: int, guess: int, held: tuple[int, ...], bound: int
) -> None:
    admission = Admission(capacity, most, guess)
    for tokens in held:
        admission.held(tokens)
    assert admission.bound == bound


async def _first_and_most(count: int, admission: Admission, held: int) -> tuple[list[int], int]:
    """Run `count` chains; the order in which they began, and the most at once."""
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
        admission.held(held)

    await asyncio.gather(*(chain(number) for number in range(count)))
    return began, most


def test_chains_begin_in_order_and_no_more_at_once_than_there_is_room_for() -> None:
    began, most = asyncio.run(
        _first_and_most(50, Admission(EngineCapacity(1_000, 16, 8), 8, 250), held=250)
    )
    assert (began, most) == ([*range(50)], 4)


def test_room_that_short_chains_leave_is_used() -> None:
    _, most = asyncio.run(
        _first_and_most(200, Admission(EngineCapacity(1_000, 16, 8), 32, 1_000), held=10)
    )
    assert most == 32


def test_a_chain_that_is_cancelled_or_breaks_gives_its_place_back() -> None:
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
        began, _ = await _first_and_most(2, admission, 1)
        return began

    assert asyncio.run(asyncio.wait_for(run(), 10)) == [0, 1]

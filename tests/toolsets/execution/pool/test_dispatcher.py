"""How calls are sent ahead to workers, and who pays when a worker fails."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

import pytest

from tests.toolsets.execution.calls import call, is_alive, state_of, together, wait_until
from tests.toolsets.hostile import toolset
from toolsets import Executor, ToolResult


def test_replies_come_in_order_and_to_whom_they_belong() -> None:
    calls = [call("echo", text=str(number)) for number in range(2000)]
    with Executor(toolset, workers=2) as executor:
        contents = [result.content for result in together(executor, *calls)]
    assert contents == [str(number) for number in range(2000)]


def test_long_and_short_calls_mix() -> None:
    texts = [str(number) * (3000 if number % 7 == 0 else 1) for number in range(200)]
    with Executor(toolset, workers=1) as executor:
        results = together(executor, *(call("echo", text=text) for text in texts))
    assert [len(result.content) for result in results] == [min(len(t), 10_000) for t in texts]


@pytest.mark.parametrize("name", ["leave_politely", "crash", "hang"])
def test_a_call_that_ends_its_worker_costs_no_call_behind_it(name: str) -> None:
    calls = [call("echo", text=str(number)) for number in range(40)]
    calls[10:10] = calls[30:30] = [call(name)]
    with Executor(toolset, workers=1, wall_clock_seconds=0.5) as executor:
        results = together(executor, *calls)
        metrics = executor.metrics()
    assert [r.content for r in results if r.ok] == [str(number) for number in range(40)]
    assert [index for index, result in enumerate(results) if not result.ok] == [10, 30]
    assert (metrics.calls, metrics.respawns, metrics.waiting) == (42, 2, 0)


def test_calls_behind_a_slow_one_go_to_another_worker() -> None:
    quick = [call("echo", text=str(number)) for number in range(20)]
    with Executor(toolset, workers=2) as executor:
        together(executor, *[call("own_pid", pause=0.5)] * 2)  # both have started
        start = time.monotonic()

        async def beside() -> float:
            slow = executor.submit(call("own_pid", pause=3.0))
            await asyncio.gather(*(executor.submit(one) for one in quick))
            seconds = time.monotonic() - start
            await slow
            return seconds

        assert asyncio.run(beside()) < 2


def test_the_clock_of_a_call_starts_when_the_calls_before_it_are_done() -> None:
    with Executor(toolset, workers=1, wall_clock_seconds=0.8) as executor:
        results = together(executor, *[call("own_pid", pause=0.3)] * 5)
    assert all(result.ok for result in results)


@pytest.mark.parametrize("length", [10, 10**6])  # the longer is more than a pipe holds
def test_a_worker_that_stops_between_two_calls_costs_no_call(length: int) -> None:
    with Executor(toolset, workers=1, wall_clock_seconds=0.5) as executor:
        pid = int(executor.run(call("own_pid")).content)
        os.kill(pid, signal.SIGSTOP)
        assert wait_until(lambda: state_of(pid) == "T")
        assert executor.run(call("length", text="x" * length)).content == str(length)
        assert not is_alive(pid)
        assert executor.metrics().kills == 1


def test_an_idle_pool_wakes_for_a_call() -> None:
    with Executor(toolset, workers=1) as executor:
        executor.run(call("echo", text="a"))
        time.sleep(1.5)
        assert executor.run(call("echo", text="b")).content == "b"
        time.sleep(1.5)
        assert executor.run(call("hang_briefly")).error_kind == "limit_exceeded"


def test_more_calls_than_may_wait_are_refused() -> None:
    async def flood(executor: Executor) -> list[ToolResult]:
        waiting = [executor.submit(call("own_pid", pause=0.3)) for _ in range(3)]
        with pytest.raises(RuntimeError, match=r"^3 calls wait already; await some of them$"):
            executor.submit(call("echo", text="4"))
        return await asyncio.gather(*waiting)

    with Executor(toolset, workers=1, max_waiting=3) as executor:
        assert all(result.ok for result in asyncio.run(flood(executor)))
        assert executor.run(call("echo", text="5")).ok


def test_threads_share_an_executor() -> None:
    seen: dict[int, list[str]] = {}

    def ask(number: int) -> None:
        texts = [f"{number}-{index}" for index in range(100)]
        seen[number] = [executor.run(call("echo", text=text)).content for text in texts]
        assert seen[number] == texts

    with Executor(toolset, workers=2) as executor:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert all(seen[n] == [f"{n}-{index}" for index in range(100)] for n in range(8))


def test_metrics_count_what_was_done() -> None:
    with Executor(toolset, workers=1, wall_clock_seconds=0.5) as executor:
        names = ("echo", "fail_silently", "hang", "crash", "stop", "hang_deaf")
        for name in names:
            executor.run(call(name))
        metrics = executor.metrics()
    assert metrics.calls == 6
    failures = {"function_error": 2, "limit_exceeded": 2, "bad_arguments": 1}
    assert metrics.failures == failures | {"unknown_function": 1}
    assert (metrics.kills, metrics.respawns, metrics.waiting) == (1, 3, 0)
    assert 1.0 < metrics.busy_seconds < 3.0


def test_a_closed_event_loop_disturbs_nobody() -> None:
    async def forget(executor: Executor) -> None:
        executor.submit(call("own_pid", pause=0.3))

    with Executor(toolset, workers=1) as executor:
        asyncio.run(forget(executor))
        assert executor.run(call("echo", text="next")).ok
        assert wait_until(lambda: executor.metrics().waiting == 0)

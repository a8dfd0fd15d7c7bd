"""Calls sent to workers in advance, and the calls that fail when a worker fails."""

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


def test_each_call_gets_its_own_reply() -> None:
    calls = [call("echo", text=str(number)) for number in range(2000)]
    with Executor(toolset, workers=2) as executor:
        contents = [result.content for result in together(executor, *calls)]
    assert contents == [str(number) for number in range(2000)]


def test_long_and_short_calls_may_be_mixed() -> None:
    texts = [str(number) * (3000 if number % 7 == 0 else 1) for number in range(200)]
    with Executor(toolset, workers=1) as executor:
        results = together(executor, *(call("echo", text=text) for text in texts))
    assert [len(result.content) for result in results] == [min(len(t), 10_000) for t in texts]


@pytest.mark.parametrize("name", ["raise_system_exit", "crash", "hang"])
def test_no_later_call_fails_when_a_call_ends_its_worker(name: str) -> None:
    calls = [call("echo", text=str(number)) for number in range(40)]
    calls[10:10] = calls[30:30] = [call(name)]
    with Executor(toolset, workers=1, wall_clock_seconds=0.5) as executor:
        results = together(executor, *calls)
        metrics = executor.metrics()
    assert [r.content for r in results if r.ok] == [str(number) for number in range(40)]
    assert [index for index, result in enumerate(results) if not result.ok] == [10, 30]
    assert (metrics.calls, metrics.respawns, metrics.waiting) == (42, 2, 0)


def test_calls_after_a_slow_one_are_sent_to_another_worker() -> None:
    quick = [call("echo", text=str(number)) for number in range(20)]
    with Executor(toolset, workers=2) as executor:
        together(executor, *[call("own_pid", pause=0.5)] * 2)  # both have started
        start = time.monotonic()

        async def quick_seconds() -> float:
            slow = executor.submit(call("own_pid", pause=3.0))
            await asyncio.gather(*(executor.submit(one) for one in quick))
            seconds = time.monotonic() - start
            await slow
            return seconds

        assert asyncio.run(quick_seconds()) < 2


def test_the_time_limit_of_a_call_starts_when_earlier_calls_are_done() -> None:
    with Executor(toolset, workers=1, wall_clock_seconds=0.8) as executor:
        results = together(executor, *[call("own_pid", pause=0.3)] * 5)
    assert all(result.ok for result in results)


@pytest.mark.parametrize("length", [10, 10**6])  # the longer is larger than a pipe
def test_no_call_fails_when_a_worker_stops_between_calls(length: int) -> None:
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


def test_a_call_is_refused_when_too_many_are_waiting() -> None:
    async def flood(executor: Executor) -> list[ToolResult]:
        waiting = [executor.submit(call("own_pid", pause=0.3)) for _ in range(3)]
        with pytest.raises(RuntimeError, match=r"^3 calls are already waiting; await some first$"):
            executor.submit(call("echo", text="4"))
        return await asyncio.gather(*waiting)

    with Executor(toolset, workers=1, max_waiting=3) as executor:
        assert all(result.ok for result in asyncio.run(flood(executor)))
        assert executor.run(call("echo", text="5")).ok


def test_threads_share_an_executor() -> None:
    contents: dict[int, list[str]] = {}

    def run_calls(number: int) -> None:
        texts = [f"{number}-{index}" for index in range(100)]
        contents[number] = [executor.run(call("echo", text=text)).content for text in texts]
        assert contents[number] == texts

    with Executor(toolset, workers=2) as executor:
        threads = [threading.Thread(target=run_calls, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert all(contents[n] == [f"{n}-{index}" for index in range(100)] for n in range(8))


def test_metrics_count_calls_failures_and_restarts() -> None:
    with Executor(toolset, workers=1, wall_clock_seconds=0.5) as executor:
        names = ("echo", "raise_empty_error", "hang", "crash", "stop", "hang_ignoring_alarm")
        for name in names:
            executor.run(call(name))
        metrics = executor.metrics()
    assert metrics.calls == 6
    failures = {"function_error": 2, "limit_exceeded": 2, "bad_arguments": 1}
    assert metrics.failures == failures | {"unknown_function": 1}
    assert (metrics.kills, metrics.respawns, metrics.waiting) == (1, 3, 0)
    assert 1.0 < metrics.busy_seconds < 3.0


def test_a_closed_event_loop_does_not_affect_other_calls() -> None:
    async def forget(executor: Executor) -> None:
        executor.submit(call("own_pid", pause=0.3))

    with Executor(toolset, workers=1) as executor:
        asyncio.run(forget(executor))
        assert executor.run(call("echo", text="next")).ok
        assert wait_until(lambda: executor.metrics().waiting == 0)

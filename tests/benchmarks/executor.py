"""The function executor: calls in a persistent worker against a new process per call.

On both sides calls are parsed and bound beforehand. Not covered: slow functions.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

import toolsets
from tests.benchmarks import Result, log
from tests.conftest import ROOT
from toolsets import Executor, ToolCall, ToolResult

REPETITIONS = 7
CALLS = 2000  # per repetition, in a persistent worker
ALL_AT_ONCE = 10_000  # per repetition and worker, submitted without waiting
PROCESSES = 15  # per repetition, each for one call
TEXTS = (
    "add(a=48, b=24)",
    "subtract(a=100.5, b=17)",
    "multiply(a=12, b=1.25)",
    "divide(a=1, b=3)",
    "percent_of(percent=15, value=80)",
)
# A process for one call loads the toolset, parses the call, executes it and prints the result.
ONE_CALL = """
import json, sys
from toolsets import ToolCall, load
print(load("arithmetic").execute(ToolCall(**json.loads(sys.argv[1]))).content)
"""


def versus_process_per_call() -> Result:
    """Sequential calls per second: one persistent worker / one new process per call."""
    calls = _calls(CALLS)
    ours, theirs, bare, alone, starts = [], [], [], [], []
    with Executor(toolsets.load("arithmetic"), workers=1) as executor:
        expected = [executor.run(call).content for call in calls[:PROCESSES]]
        for repetition in range(REPETITIONS):
            ours.append(_rate(CALLS, lambda: _check(executor.run(call) for call in calls)))
            theirs.append(_rate(PROCESSES, lambda: _in_processes(calls, expected)))
            bare.append(_rate(PROCESSES, _bare_interpreters))
            alone.append(_overhead(executor, calls[0]))
            starts.append(_start_seconds())
            log(f"  {repetition + 1}/{REPETITIONS}: {ours[-1]:,.0f} against {theirs[-1]:,.1f} /s")
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    return Result(
        value=round(statistics.median(ratios), 1),
        unit="ratio",
        baseline="one new Python process per call, which loads the toolset and executes it",
        n=REPETITIONS,
        detail={
            "calls_per_second": round(statistics.median(ours), 1),
            "baseline_calls_per_second": round(statistics.median(theirs), 2),
            "bare_interpreters_per_second": round(statistics.median(bare), 2),
            "microseconds_over_a_call_in_this_process": round(statistics.median(alone), 1),
            "seconds_to_start_a_pool_of_two": round(statistics.median(starts), 3),
            "lowest": round(min(ratios), 1),
            "highest": round(max(ratios), 1),
        },
    )


def calls_per_second() -> Result:
    """Calls of `add` per second and worker process, submitted all at once."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for repetition in range(REPETITIONS):
        for workers, measured in rates.items():
            measured.append(_submitted_rate(workers) / workers)
        log(f"  {repetition + 1}/{REPETITIONS}: {rates[1][-1]:,.0f} /s with one worker")
    return Result(
        value=round(statistics.median(rates[1]), 1),
        unit="calls/s",
        baseline="none: the rate of one worker process",
        n=REPETITIONS,
        detail={
            "lowest": round(min(rates[1]), 1),
            "highest": round(max(rates[1]), 1),
            "each_of_two_workers": round(statistics.median(rates[2]), 1),
            "cpus": os.cpu_count(),
        },
    )


def _calls(count: int) -> list[ToolCall]:
    parsed = [toolsets.load("arithmetic").parse(text) for text in TEXTS]
    return [parsed[index % len(parsed)] for index in range(count)]


def _rate(count: int, work: Callable[[], object]) -> float:
    return count / _seconds(work)


def _overhead(executor: Executor, call: ToolCall) -> float:
    """Extra time of one awaited call over a call in this process, in microseconds."""
    toolset = toolsets.load("arithmetic")
    ours = statistics.median(_seconds(lambda: executor.run(call)) for _ in range(CALLS))
    here = statistics.median(_seconds(lambda: toolset.execute(call)) for _ in range(CALLS))
    return 1e6 * (ours - here)


def _start_seconds() -> float:
    """Seconds from creating a pool to its first result."""

    def start() -> None:
        with Executor(toolsets.load("arithmetic"), workers=2) as executor:
            _check([executor.run(_calls(1)[0])])

    return _seconds(start)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _submitted_rate(workers: int) -> float:
    calls = [_calls(1)[0]] * ALL_AT_ONCE * workers

    async def submit_all() -> None:
        _check(await asyncio.gather(*(executor.submit(call) for call in calls)))

    with Executor(toolsets.load("arithmetic"), workers=workers) as executor:
        asyncio.run(submit_all())  # starts every worker
        return _rate(len(calls), lambda: asyncio.run(submit_all()))


def _in_processes(calls: Sequence[ToolCall], expected: Sequence[str]) -> None:
    for call, content in zip(calls, expected, strict=False):
        command = [sys.executable, "-c", ONE_CALL, json.dumps(asdict(call))]
        printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        if printed.stdout.strip() != content:
            raise RuntimeError(f"{call.raw}: {printed.stdout!r} in place of {content!r}")


def _bare_interpreters() -> None:
    for _ in range(PROCESSES):
        subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)


def _check(results: Iterable[ToolResult]) -> None:
    for result in results:
        if not result.ok:
            raise RuntimeError(f"a call failed: {result.content}")

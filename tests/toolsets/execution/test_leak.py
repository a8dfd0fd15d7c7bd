"""After a million calls, the pool and the calling process are as large as before."""

from __future__ import annotations

from itertools import cycle, islice

import psutil
import pytest

import toolsets
from tests.toolsets.execution.calls import together
from toolsets import Executor

TEXTS = (
    "add(a=48, b=24)",
    "subtract(a=100.5, b=17)",
    "divide(a=1, b=3)",
    "divide(a=1, b=0)",
    "total(values=[1, 2.5, '1/3'])",
)
CALLS = 1_000_000
AT_ONCE = 2_000
WARM = 300_000  # calls until every worker was replaced once, as it is after 100,000 calls
MOST = 1.05  # of the size after WARM calls


@pytest.mark.slow
def test_a_million_calls_do_not_leak_memory() -> None:
    with Executor(toolsets.load("arithmetic"), workers=2) as executor:
        _execute(executor, WARM)
        ours, theirs = _sizes()
        _execute(executor, CALLS - WARM)
        ours_after, theirs_after = _sizes()
        metrics = executor.metrics()
    print(
        f"{ours / 2**20:.1f} -> {ours_after / 2**20:.1f} MiB, "
        f"workers {theirs / 2**20:.1f} -> {theirs_after / 2**20:.1f} MiB"
    )
    assert (metrics.calls, metrics.waiting, metrics.kills) == (CALLS, 0, 0)
    assert metrics.failures == {"function_error": CALLS // len(TEXTS)}
    assert metrics.respawns >= CALLS // 100_000 - 2
    assert ours_after <= MOST * ours
    assert theirs_after <= MOST * theirs


def _execute(executor: Executor, calls: int) -> None:
    toolset = toolsets.load("arithmetic")
    batch = list(islice(cycle([toolset.parse(text) for text in TEXTS]), AT_ONCE))
    for _ in range(calls // AT_ONCE):
        results = together(executor, *batch)
        assert [r.content for r in results[:3]] == ["72", "83.5", "0.333333333333333"]


def _sizes() -> tuple[int, int]:
    """Resident memory of this process and of its workers together, in bytes."""
    ours = psutil.Process()
    workers = [
        child for child in ours.children() if "toolsets.execution.pool.worker" in child.cmdline()
    ]
    assert len(workers) == 2
    return ours.memory_info().rss, sum(worker.memory_info().rss for worker in workers)

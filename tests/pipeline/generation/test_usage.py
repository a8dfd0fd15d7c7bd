"""Engine usage: each second counts once; counts add up over commands, also failed ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.errors import StageFailed
from pipeline.generation.usage import Busy, count_usage, usage
from pipeline.run_dir import RunDir

BLOCK = {"chains": 10, "prompt": 900, "cached": 600, "cacheable": 700, "written": 80}


def _command(run: RunDir, counts: Mapping[str, float], fails: bool = False) -> None:
    with run.stage("generate") as facts, count_usage(run, facts) as made:
        made["teacher"].update(Counter(BLOCK | counts))
        if fails:
            raise StageFailed("the engine died")


def test_overlapping_blocks_count_each_second_once_and_idle_time_never() -> None:
    now = 0.0
    busy = Busy(lambda: now)
    returned = []
    for now, step in (  # noqa: B007  # read by the clock
        (0, busy.begin),
        (3, busy.end),
        (10, busy.begin),
        (12, busy.begin),
        (15, busy.end),
        (19, busy.end),
    ):
        returned.append(step())
    assert [seconds for seconds in returned if seconds is not None] == [3, 5, 4]


def test_counts_add_up_over_commands_including_a_failed_one(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    with pytest.raises(StageFailed):
        _command(run, {"engine_seconds": 1.25}, fails=True)
    _command(run, {"engine_seconds": 2.5, "chains": 20})
    with run.stage("generate") as facts, count_usage(run, facts):
        pass  # all chains exist
    assert usage(run, "teacher") == {
        "chains": 30,
        "engine_seconds": 3.75,
        "prompt": 1800,
        "cached": 1200,
        "cacheable": 1400,
        "written": 160,
    }
    assert usage(run, "student")["chains"] == 0
    assert list(run.facts("generate")["usage"]) == ["teacher"]

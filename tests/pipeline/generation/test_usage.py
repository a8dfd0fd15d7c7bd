"""What chains take of the engines: counted once, kept over commands and failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.errors import StageFailed
from pipeline.generation.usage import Busy, counted, usage
from pipeline.run_dir import RunDir

BLOCK = {"chains": 10, "prompt": 900, "cached": 600, "cacheable": 700, "written": 80}


def _command(run: RunDir, blocks: Mapping[str, float], fails: bool = False) -> None:
    with run.stage("generate") as facts, counted(run, facts) as made:
        made["teacher"].update(Counter(BLOCK | blocks))
        if fails:
            raise StageFailed("the engine died")


def test_blocks_that_overlap_count_each_second_once_and_idle_ones_never() -> None:
    now = 0.0
    busy = Busy(lambda: now)
    told = []
    for now, step in (  # noqa: B007  # the clock reads it
        (0, busy.begin),
        (3, busy.end),
        (10, busy.begin),
        (12, busy.begin),
        (15, busy.end),
        (19, busy.end),
    ):
        told.append(step())
    assert [seconds for seconds in told if seconds is not None] == [3, 5, 4]


def test_counts_of_all_commands_add_up_also_of_one_that_failed(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    with pytest.raises(StageFailed):
        _command(run, {"engine_seconds": 1.25}, fails=True)
    _command(run, {"engine_seconds": 2.5, "chains": 20})
    with run.stage("generate") as facts, counted(run, facts):
        pass  # all chains are there
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

"""A million tasks: planned, half made, killed, made; the driver holds none of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.generation.blocks import blocks
from pipeline.tables import task_ids
from tests.pipeline.million import PROBLEMS, peak, told, watched

MORE_MIB = 300  # of the driver, for a hundred times the tasks


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_million_tasks_take_no_more_of_the_driver_than_ten_thousand(tmp_path: Path) -> None:
    few = watched(tmp_path / "few", samples=1, interrupted=False)
    many = watched(tmp_path / "many", samples=100, interrupted=True)
    print(told(few), told(many), sep="\n")
    run = tmp_path / "many" / "run"
    assert sum(pq.read_metadata(path).num_rows for path in (run / "tasks").iterdir()) == 1_000_000
    seen: set[str] = set()
    for block in blocks(sorted((run / "tasks").iterdir())):
        made = task_ids(block.chains(run / "chains"))
        assert made == block.task_ids()
        seen.update(made)
    assert len(seen) == 100 * PROBLEMS
    assert peak(many) - peak(few) < MORE_MIB

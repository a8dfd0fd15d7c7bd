"""A run of a million tasks, killed half-way and resumed: the driver's memory stays constant."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.generation.blocks import blocks
from pipeline.tables import task_ids
from tests.pipeline.million import PROBLEMS, measure, peak, report

MORE_MIB = 300  # growth of the driver's memory allowed for a hundred times the tasks


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_drivers_memory_does_not_grow_with_the_number_of_tasks(
    tmp_path: Path,
) -> None:
    few = measure(tmp_path / "few", samples=1, interrupted=False)
    many = measure(tmp_path / "many", samples=100, interrupted=True)
    print(report(few), report(many), sep="\n")
    run = tmp_path / "many" / "run"
    assert sum(pq.read_metadata(path).num_rows for path in (run / "tasks").iterdir()) == 1_000_000
    seen: set[str] = set()
    for block in blocks(sorted((run / "tasks").iterdir())):
        made = task_ids(block.chains(run / "chains"))
        assert made == block.task_ids()
        seen.update(made)
    assert len(seen) == 100 * PROBLEMS
    assert peak(many) - peak(few) < MORE_MIB

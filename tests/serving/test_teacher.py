"""A served model as a run's teacher: `teacher.endpoint` is our own chat completions route."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import tables
from pipeline.generation.endpoint import KEY_VARIABLE
from pipeline.pocket.models import folder
from tests.pipeline import cli
from tests.serving.running import serving

pytestmark = [pytest.mark.serve, pytest.mark.vllm, pytest.mark.ray, pytest.mark.slow]

KEY = "correct horse"
ENGINE = ("student.engine.enforce_eager=true", "student.engine.max_model_len=1024")


@pytest.mark.timeout(900)
def test_a_served_teacher_is_as_accurate_as_a_local_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    run_dir = tmp_path / "run"
    with serving(tmp_path, *ENGINE, key=KEY, model=str(folder("teacher"))) as running:
        done = cli.run(
            *("generate", "pocket", f"teacher.endpoint={running.url}/v1", "teacher.model=teacher"),
            *("teacher.requests_per_minute=600", "pairs.rejected_from=[teacher]"),
            *("problems.counts.train=16", "problems.counts.test=1", "problems.counts.ood=0"),
            *("--run-dir", run_dir),
            timeout=600,
        )
    assert done.returncode == 0, done.stderr
    rows = list(tables.rows(run_dir / "chains"))
    assert len({row["task_id"] for row in rows}) == len(rows) == 16
    assert sum(row["correct"] is True for row in rows) >= 12  # its accuracy is 97%
    assert all(step["prompt_tokens"] > 100 for row in rows for step in row["steps"])

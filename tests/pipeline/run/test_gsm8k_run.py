"""A whole run on real rows with models that cannot solve them: it finishes and reports no gain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import tables
from tests.pipeline.cli import run


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_all_stages_run_on_gsm8k_and_report_that_nothing_was_learned(
    gsm8k_path: str, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    done = run(
        "run",
        "gsm8k",
        f"problems.path={gsm8k_path}",
        "problems.limit=60",
        "teacher.model=pocket",
        "student.model=pocket",
        "--run-dir",
        run_dir,
        timeout=1400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Nothing shows that the student learned" in done.stdout
    pairs = list(tables.rows(run_dir / "pairs"))
    assert {pair["strategy"] for pair in pairs} >= {"reference"}
    assert all(
        pair["chosen_chain_id"].endswith("/reference")
        for pair in pairs
        if pair["strategy"] == "reference"
    )
    metrics = json.loads((run_dir / "evaluation" / "metrics.json").read_text())
    assert metrics["models"]["teacher"]["test"]["n"] > 0

"""The real commands while an endpoint is away: real Ray, a small server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pipeline import tables
from pipeline.run_dir import RunDir
from tests.conftest import ROOT
from tests.pipeline.cli import SMALL, environment, run
from tests.pipeline.generation.openai_server import Answer, Server, completion, refusal, serving
from tests.pipeline.generation.simulated import command, write_recipe

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

TASKS, EVALUATED = 48, 36  # problems of SMALL: training; test and ood
RUN = (
    *SMALL,
    "teacher.model=large",
    "teacher.retries=0",
    "pairs.rejected_from=[teacher]",
    "evaluate.models=[teacher]",
    "cluster.chains_in_flight=16",
    "cluster.max_errors_in_a_row=8",
    "cluster.outage_seconds=2",
)


def pipeline(stage: str, server: Server, run_dir: Path, *more: str) -> tuple[int, str]:
    """Run a command; returns its exit code and standard error."""
    endpoint = f"teacher.endpoint={server.url}"
    done = run(stage, "pocket", endpoint, *RUN, "--run-dir", run_dir, *more, timeout=500)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_an_outage_fails_the_stage_and_the_same_command_resumes(tmp_path: Path) -> None:
    folder, requests = RunDir(tmp_path / "run"), count()

    def until_away(body: Mapping[str, Any]) -> Answer:
        away = next(requests) >= TASKS // 2
        return refusal(500, "the model is away") if away else completion("answer(value=1)")

    with serving(until_away) as server:
        code, error = pipeline("generate", server, folder.path)
    assert code == 1, error
    assert "making chains failed: every request failed for 2 s" in error
    assert "the last error: InternalServerError: the model is away; finished work is kept" in error
    kept = [row["failure"] for row in tables.rows(folder.chains)]
    assert kept.count("wrong_answer") <= TASKS // 2
    assert "engine_error" not in kept

    with serving(lambda body: completion("answer(value=1)")) as server:
        code, error = pipeline("generate", server, folder.path)
        assert code == 0, error
    assert folder.facts("generate")["failures"] == {"wrong_answer": TASKS}


def test_errors_of_an_evaluation_are_made_again_on_request(tmp_path: Path) -> None:
    folder = RunDir(tmp_path / "run")
    turns = count()

    def sometimes(body: Mapping[str, Any]) -> Answer:
        return refusal(400, "no luck") if next(turns) % 3 == 0 else completion("answer(value=1)")

    with serving(sometimes) as server:
        code, error = pipeline("evaluate", server, folder.path)
    assert code == 1, error
    assert "ended in an engine error, more than cluster.max_error_share allows" in error
    assert "one of them: BadRequestError: no luck; finished work is kept" in error
    assert not (folder.evaluation / "metrics.json").exists()

    with serving(lambda body: completion("answer(value=1)")) as server:
        code, error = pipeline("evaluate", server, folder.path, "--redo-errors")
        assert code == 0, error
    metrics = json.loads((folder.evaluation / "metrics.json").read_text())["models"]["teacher"]
    assert metrics["test"]["n"] + metrics["ood"]["n"] == EVALUATED


def test_a_job_in_which_no_block_ends_fails(tmp_path: Path) -> None:
    slow = {"max_num_seqs": 8, "seconds_per_step": {"1": 600.0}}
    recipe = write_recipe(tmp_path / "recipe", 8, 1, slow, {"no_progress_seconds": 5})
    done = subprocess.run(
        command(recipe, tmp_path / "run"),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        "pipeline.errors.StageFailed: no block of chains ended in 5 s, waiting for machines "
        "included (cluster.no_progress_seconds)"
    )
    assert tables.files(tmp_path / "run" / "chains") == []

"""The real commands with a teacher at an endpoint: real Ray, a small server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pipeline import tables
from pipeline.generation.endpoint import KEY_VARIABLE
from pipeline.generation.usage import usage
from pipeline.run_dir import RunDir
from tests.pipeline.cli import SMALL, run
from tests.pipeline.generation.openai_server import Answer, Server, completion, refusal, serving

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

TASKS = 48  # training problems of SMALL
RUN = (
    *SMALL,
    "teacher.model=large",
    "pairs.rejected_from=[teacher]",
    "evaluate.models=[teacher]",
    "cluster.chains_in_flight=16",
)
KEY = "correct horse"


def pipeline(stage: str, server: Server, run_dir: Path, *more: str) -> tuple[int, str]:
    """Run a command; returns its exit code and standard error."""
    endpoint = f"teacher.endpoint={server.url}"
    done = run(stage, "pocket", endpoint, *RUN, *more, "--run-dir", run_dir, timeout=500)
    return done.returncode, done.stderr


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    """Rows by task; asserts that each task has one row."""
    all_rows = list(tables.rows(folder))
    by_task = {row["task_id"]: row for row in all_rows}
    assert len(by_task) == len(all_rows)
    return by_task


def test_a_run_keeps_the_chains_of_an_endpoint_that_refuses_and_resumes_at_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    chains, requests = tmp_path / "run" / "chains", count()

    def until_revoked(body: Mapping[str, Any]) -> Answer:
        revoked = next(requests) >= TASKS * 2 // 3
        return refusal(401, "the key is revoked") if revoked else completion("answer(value=1)")

    with serving(until_revoked) as server:
        code, error = pipeline("generate", server, tmp_path / "run")
    assert code == 1, error
    sentence = f"teacher.endpoint {server.url} refuses the key in {KEY_VARIABLE} (401)"
    assert f"failed: making chains failed: {sentence}: the key is revoked" in error
    assert "Traceback" not in error
    assert {request.authorization for request in server.requests} == {f"Bearer {KEY}"}
    before, counted = rows(chains), usage(RunDir(tmp_path / "run"), "teacher")["written"]
    assert 0 < len(before) < TASKS

    with serving(lambda body: completion("answer(value=2)", 100, 5)) as server:
        code, error = pipeline("generate", server, tmp_path / "run")
        assert code == 0, error
        after = rows(chains)
        assert len(server.requests) == len(after) - len(before)
        assert pipeline("evaluate", server, tmp_path / "run")[0] == 0
    assert len(after) == TASKS
    assert {task_id: after[task_id] for task_id in before} == before
    made = [row for task_id, row in after.items() if task_id not in before]
    assert {row["steps"][0]["prompt_tokens"] for row in made} == {100}
    assert KEY not in (tmp_path / "run" / "run.json").read_text()
    written = usage(RunDir(tmp_path / "run"), "teacher")["written"]
    assert written - counted == 5 * len(made)
    metrics = json.loads((tmp_path / "run" / "evaluation" / "metrics.json").read_text())
    assert metrics["models"]["teacher"]["test"]["n"] == 24

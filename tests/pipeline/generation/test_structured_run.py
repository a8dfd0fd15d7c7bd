"""Structured decoding in the real stack: one run, one model constrained to calls, one not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline import tables
from tests.pipeline.cli import run

pytestmark = [pytest.mark.ray, pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(400)]

REPLY_TOKENS = 192
OPTIONS = (
    "toolset=arithmetic",  # the pocket models were not trained on its prompt
    "student.structured=true",
    "student.engine.max_model_len=4096",
    "teacher.engine.max_model_len=4096",
    f"agent.reply_tokens={REPLY_TOKENS}",
    "agent.max_steps=2",
    "problems.counts.train=2",
    "problems.counts.test=24",
    "problems.counts.ood=2",
    "evaluate.models=[student_before, teacher]",
    "evaluate.splits=[test]",
    "evaluate.temperature=1",
)


def test_a_model_that_writes_garbage_writes_calls_with_structured_decoding(tmp_path: Path) -> None:
    done = run("evaluate", "pocket", *OPTIONS, "--run-dir", tmp_path / "run", timeout=390)
    assert done.returncode == 0, done.stderr[-3000:]
    kinds = {name: Counter[str]() for name in ("student_before", "teacher")}
    cut = 0
    for row in tables.rows(tmp_path / "run" / "evaluation"):
        for step in row["steps"]:
            if row["model"] == "student_before" and step["completion_tokens"] == REPLY_TOKENS:
                cut += 1
            else:
                result = step["result"] or {"error_kind": None}
                kinds[row["model"]][result["error_kind"] or "none"] += 1
    constrained, free = kinds.values()
    assert constrained.keys() <= {"none", "function_error", "bad_arguments", "limit_exceeded"}
    assert constrained.total() > 2 * cut
    assert free["unparseable_call"] > free.total() / 2

"""The student's accuracy over HTTP equals that in evaluation: same agent, prompt, functions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline import tables
from pipeline.agent.verdict import same_answer
from pipeline.evaluation.statistics import paired
from tests.pipeline import cli
from tests.serving.running import Running, serving

pytestmark = [pytest.mark.serve, pytest.mark.vllm, pytest.mark.ray, pytest.mark.slow]


@pytest.mark.timeout(600)
def test_accuracy_over_http_equals_that_of_evaluation(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    done = cli.run(
        *("evaluate", "pocket", "problems.counts.test=200", "problems.counts.ood=0"),
        *("evaluate.models=[student_before]", "evaluate.splits=[test]", "--run-dir", run_dir),
    )
    assert done.returncode == 0, done.stderr
    rows = list(tables.rows(run_dir / "evaluation", ["problem", "correct", "answer"]))
    assert len(rows) == 200
    with serving(tmp_path) as running:
        answers = asyncio.run(_solve(running, [row["problem"]["question"] for row in rows]))
    served = [
        answer is not None and same_answer(answer, row["problem"]["answer"])
        for answer, row in zip(answers, rows, strict=True)
    ]
    offline = [row["correct"] for row in rows]
    compared = paired(offline, served)
    same = sum(answer == row["answer"] for answer, row in zip(answers, rows, strict=True))
    print(
        f"evaluate {sum(offline)}, over HTTP {sum(served)}, same answer {same} of 200: {compared}"
    )
    assert compared.p_value > 0.01
    assert same >= 190  # other batches change the last bits of logits


async def _solve(running: Running, questions: list[str]) -> list[str | None]:
    async with running.client() as client:
        requests = (client.post("/v1/solve", json={"problem": question}) for question in questions)
        return [answer.json()["answer"] for answer in await asyncio.gather(*requests)]

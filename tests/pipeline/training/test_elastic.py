"""Two machines train and one is lost: training continues on the other, with the same curve."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.training.monitoring import read_metrics, steps
from tests.conftest import ROOT
from tests.pipeline.cli import command, run
from tests.pipeline.training.small import write_pairs
from tests.raylets import raylets

pytestmark = [pytest.mark.ray, pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(900)]

TRAINING = (
    "train.stages=[dpo]",
    "train.epochs=10",
    "train.zero_stage=0",
    "train.workers=2",
    "train.workers_min=1",
    "train.batch_size=8",
    "train.micro_batch_size=4",
    "train.checkpoint_steps=2",
    "cluster.train_cpus=1",
)
CLOSE = 1e-3  # relative
LOST_AT = 6  # steps


def test_training_continues_on_the_remaining_machine(tmp_path: Path) -> None:
    run_dir, undisturbed = tmp_path / "run", tmp_path / "undisturbed"
    for folder in (run_dir, undisturbed):
        write_pairs(folder)
    metrics = run_dir / "checkpoints" / "dpo" / "metrics.jsonl"
    with raylets() as cluster, (tmp_path / "log").open("wb") as log:
        cluster.add("stays", 1)
        cluster.add("leaves", 1)
        driver = subprocess.Popen(
            command("train", "pocket", *TRAINING, "--run-dir", run_dir),
            cwd=ROOT,
            env=cluster.environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for_step(metrics, driver)
            cluster.lose()
            assert driver.wait(500) == 0, (tmp_path / "log").read_text()[-3000:]
        finally:
            if driver.poll() is None:
                os.killpg(driver.pid, signal.SIGKILL)
                driver.wait()
    assert run("train", "pocket", *TRAINING, "--run-dir", undisturbed).returncode == 0
    for name in ("loss", "logps/chosen"):
        actual, expected = (
            [line[name] for line in steps(read_metrics(folder / "checkpoints/dpo/metrics.jsonl"))]
            for folder in (run_dir, undisturbed)
        )
        assert actual == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


def _wait_for_step(metrics: Path, driver: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while not any(line["step"] >= LOST_AT for line in read_metrics(metrics)):
        assert driver.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)

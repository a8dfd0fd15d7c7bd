"""After `kill -9` the same command continues, and no process outlives its driver."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline import tables
from pipeline.training.monitoring import read_metrics, steps
from tests.pipeline.cli import run, start
from tests.pipeline.training.small import write_pairs

pytestmark = [pytest.mark.ray, pytest.mark.timeout(590)]

GENERATION = (
    "problems.counts.train=250",
    "cluster.batch_tasks=16",
    "cluster.chains_in_flight=32",
    "pairs.rejected_from=[teacher]",
)
TRAINING = (
    "train.stages=[dpo]",
    "train.epochs=12",
    "train.checkpoint_steps=4",
    "train.batch_size=8",
    "train.micro_batch_size=4",
    "train.workers=2",
    "cluster.train_cpus=1",
)

CLOSE = 1e-3  # tolerance against an uninterrupted curve
OURS = (
    "EngineCore",
    "RolloutActor",
    "toolsets.execution.pool.worker",
)  # Ray's own agents end later, by themselves


@pytest.mark.vllm
@pytest.mark.slow
def test_a_killed_driver_leaves_no_engine_and_its_run_continues(tmp_path: Path) -> None:
    run_dir, log = tmp_path / "run", tmp_path / "log"
    arguments = ("generate", "pocket", *GENERATION, "--run-dir", run_dir)
    driver = start(*arguments, log=log)
    wait_for(lambda: len(tables.files(run_dir / "chains")) >= 2, driver, log)
    family = psutil.Process(driver.pid).children(recursive=True)
    kinds = {process: kind for process in family if (kind := kind_of(process))}
    assert set(kinds.values()) == set(OURS)
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(kinds, timeout=30)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []

    before = {row["task_id"]: row for row in tables.rows(run_dir / "chains")}
    assert 0 < len(before) < 500
    done = run(*arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    after = list(tables.rows(run_dir / "chains"))
    assert sorted(row["task_id"] for row in after) == sorted(
        row["task_id"] for row in tables.rows(run_dir / "tasks", ["task_id"])
    )
    assert all(row == before.get(row["task_id"], row) for row in after)


@pytest.mark.train
@pytest.mark.slow
def test_training_reaches_the_same_loss_after_a_worker_and_the_driver_were_killed(
    tmp_path: Path,
) -> None:
    run_dir, log = tmp_path / "run", tmp_path / "log"
    write_pairs(run_dir)
    metrics = run_dir / "checkpoints" / "dpo" / "metrics.jsonl"
    arguments = ("train", "pocket", *TRAINING, "--run-dir", run_dir)
    driver = start(*arguments, log=log)
    wait_for(lambda: last_step(metrics) >= 10, driver, log)
    worker = next(
        process
        for process in psutil.Process(driver.pid).children(recursive=True)
        if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::RayTrainWorker")
    )
    worker.kill()
    killed_at = len(read_metrics(metrics))
    wait_for(lambda: len(read_metrics(metrics)) > killed_at + 2, driver, log)
    driver.kill()
    driver.wait()
    again_at = len(read_metrics(metrics))
    done = run(*arguments)
    assert done.returncode == 0, done.stderr[-3000:]

    trained = [line["step"] for line in read_metrics(metrics) if "loss" in line]
    restarts = [(a, b) for a, b in itertools.pairwise(trained) if b <= a]
    assert len(restarts) <= 2
    assert min(b for _, b in restarts) > 4, "training did not resume from its checkpoint"
    assert trained[-1] == read_metrics(metrics)[-1]["steps"]
    assert again_at < len(read_metrics(metrics))
    assert (run_dir / "student" / "config.json").is_file()
    record = json.loads((run_dir / "run.json").read_text())
    assert record["stages"]["train"]["status"] == "done"

    whole = tmp_path / "whole"
    write_pairs(whole)
    done = run("train", "pocket", *TRAINING, "--run-dir", whole)
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("loss", "logps/chosen"):
        survived, never_killed = (
            [line[name] for line in steps(read_metrics(folder / "checkpoints/dpo/metrics.jsonl"))]
            for folder in (run_dir, whole)
        )
        assert survived == pytest.approx(never_killed, rel=CLOSE, abs=CLOSE)


def kind_of(process: psutil.Process) -> str | None:
    """The entry of OURS that `process` is; None if it is another one or has ended.

    vLLM sets the title of its engine process by setproctitle, which has no effect if the first
    environment variable was changed. The engine is then recognised as the only process that an
    actor spawns by multiprocessing.
    """
    try:
        title = title_of(process)
        spawned = "from multiprocessing.spawn import spawn_main" in title
        if spawned and "RolloutActor" in title_of(process.parent()):
            return "EngineCore"
    except psutil.NoSuchProcess:
        return None
    return next((name for name in OURS if name in title), None)


def title_of(process: psutil.Process | None) -> str:
    return "" if process is None else " ".join(process.cmdline())


def last_step(metrics: Path) -> int:
    lines = read_metrics(metrics)
    return int(lines[-1]["step"]) if lines else 0


def wait_for(
    condition: Callable[[], bool], driver: subprocess.Popen[bytes], log: Path, seconds: float = 200
) -> None:
    """Wait until `condition` holds while `driver` lives."""
    until = time.monotonic() + seconds
    while not condition():
        ended = driver.poll() is not None
        if ended or time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(driver.pid, signal.SIGKILL)
            raise AssertionError(f"ended: {ended}\n{log.read_text()[-3000:]}")
        time.sleep(0.05)

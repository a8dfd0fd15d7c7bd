"""`kill -9` in the middle: the same command continues, and nothing outlives its driver."""

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
from pipeline.train import read_metrics
from tests.pipeline.cli import run, start

pytestmark = [pytest.mark.ray, pytest.mark.timeout(590)]

GENERATION = (
    "problems.counts.train=500",
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

OURS = (
    "EngineCore",
    "RolloutActor",
    "toolsets.pool.worker",
)  # Ray's own agents go when they notice


@pytest.mark.vllm
def test_a_killed_driver_leaves_no_engine_and_its_run_continues(tmp_path: Path) -> None:
    run_dir, log = tmp_path / "run", tmp_path / "log"
    arguments = ("generate", "pocket", *GENERATION, "--run-dir", run_dir)
    driver = start(*arguments, log=log)
    wait_for(lambda: len(tables.files(run_dir / "chains")) >= 2, driver, log)
    family = psutil.Process(driver.pid).children(recursive=True)
    found = {process: kind for process in family if (kind := kind_of(process))}
    assert set(found.values()) == set(OURS)
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(found, timeout=30)
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
def test_training_resumes_from_its_checkpoint_after_a_worker_and_the_driver_were_killed(
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

    steps = [line["step"] for line in read_metrics(metrics) if "loss" in line]
    restarts = [(a, b) for a, b in itertools.pairwise(steps) if b <= a]
    assert len(restarts) <= 2
    assert min(b for _, b in restarts) > 4, "training began anew instead of from its checkpoint"
    assert steps[-1] == read_metrics(metrics)[-1]["steps"]
    assert again_at < len(read_metrics(metrics))
    assert (run_dir / "student" / "config.json").is_file()
    told = json.loads((run_dir / "run.json").read_text())
    assert told["stages"]["train"]["status"] == "done"


def write_pairs(run_dir: Path) -> None:
    """Pairs from worked solutions of pocket problems: chosen as they are, rejected with a slip."""
    from pipeline.pairing import Candidates, Draft, make_pair
    from pipeline.pocket.models import dialect
    from pipeline.pocket.world import problems
    from pipeline.worked import reference_chain

    rows = []
    for problem, other in zip(problems(32, 0, "train"), problems(32, 5, "train"), strict=True):
        chosen = reference_chain(problem, dialect().toolset)
        rejected = reference_chain(other, dialect().toolset)
        assert chosen and rejected
        candidates = Candidates(problem.problem_id, problem.question, (chosen,), (rejected,))
        pair = make_pair(candidates, Draft(chosen, rejected), "outcome", dialect())
        assert pair
        rows.append(tables.pair_row(pair))
    tables.write_parts(run_dir / "pairs", rows, tables.PAIRS)


def kind_of(process: psutil.Process) -> str | None:
    """Which of OURS it is, None where it is none or gone.

    vLLM titles its engine by setproctitle, which does nothing where the first variable of the
    environment was changed. The engine is then what its actor has spawned by multiprocessing, as
    nothing else in an actor does.
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

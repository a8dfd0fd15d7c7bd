"""Every kind of process that makes chains is killed during a run: no chain is lost or duplicated,
and the chains are those of an undisturbed run."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pipeline import tables
from tests.conftest import ROOT
from tests.pipeline import cli
from tests.pipeline.generation import simulated
from tests.raylets import Raylets, raylets

pytestmark = pytest.mark.ray

WORKER = "toolsets.execution.pool.worker"  # text in the command lines of processes
ACTOR = "ray::MapWorker"
VLLM = "VLLM::EngineCore"
NODE, DRIVER = "node", "driver"
NODES = 2  # besides the head, with one CPU each
STEP_SECONDS = 0.05  # slow enough that processes are killed during generation
REAL = (
    "problems.counts.train=600",
    "problems.counts.test=24",
    "problems.counts.ood=12",
    "pairs.rejected_from=[teacher]",
    "cluster.batch_tasks=8",
    "cluster.chains_in_flight=16",
    f"cluster.actors_max={NODES}",
    "teacher.temperature=1.5",  # so that many replies depend on small numeric differences
)


@dataclass(frozen=True, slots=True)
class Chaos:
    """A command that makes chains in `run`, and the file with its output."""

    cluster: Raylets
    command: Sequence[str]
    run: Path
    log: Path

    def run_with_kills(self, victims: Sequence[str]) -> None:
        """Run to the end. Each time new chains exist, kill the next of `victims`; the driver
        last."""
        driver = self._start()
        try:
            for number, victim in enumerate([*victims, DRIVER]):
                self._wait_for_more(driver)
                if victim == DRIVER:
                    driver.kill()
                    driver.wait()
                    driver = self._start()
                elif victim == NODE:
                    self.cluster.add(f"replacement-{number}", cpus=1)
                    self.cluster.lose(1)  # the oldest except the head
                else:
                    self._kill_one(victim, number)
            assert driver.wait(timeout=400) == 0, self.log.read_text()[-3000:]
        finally:
            driver.kill()
            driver.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            environment = self.cluster.environment()
            return subprocess.Popen(self.command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def _wait_for_more(self, driver: subprocess.Popen[bytes]) -> None:
        before, deadline = self._files(), time.monotonic() + 200
        while self._files() == before:
            assert driver.poll() is None, f"ended too early: {self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"no progress: {self.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def _files(self) -> int:
        return len(tables.files(self.run / "chains"))

    def _kill_one(self, title: str, number: int) -> None:
        """Wait for a process with `title` in its command line and kill it."""
        deadline = time.monotonic() + 100
        while not (processes := list(self._processes(title))):
            assert time.monotonic() < deadline, f"no process {title}"
            time.sleep(0.05)
        random.Random(number).choice(processes).kill()

    def _processes(self, title: str) -> Iterator[psutil.Process]:
        for process in self.cluster.family():
            with suppress(psutil.NoSuchProcess):
                if title in " ".join(process.cmdline()):
                    yield process


@pytest.fixture
def cluster() -> Iterator[Raylets]:
    with raylets() as cluster:
        for node in range(NODES):
            cluster.add(f"node-{node}", cpus=1)
        yield cluster


@pytest.mark.parametrize(
    ("tasks", "times"),
    [
        pytest.param(320, 1, id="each killed once"),
        pytest.param(2400, 8, id="each killed eight times", marks=pytest.mark.slow),
    ],
)
@pytest.mark.timeout(900)
def test_lost_chains_are_made_again_and_none_twice(
    tasks: int, times: int, cluster: Raylets, tmp_path: Path
) -> None:
    quiet, run = tmp_path / "quiet", tmp_path / "run"
    parallel = _start(simulated.command(_recipe(quiet, tasks), quiet / "run"))
    recipe = _recipe(tmp_path, tasks, seconds_per_step={"1": STEP_SECONDS})
    victims = [WORKER, simulated.CORE, ACTOR, NODE] * times
    random.Random(7).shuffle(victims)
    Chaos(cluster, simulated.command(recipe, run), run, tmp_path / "log").run_with_kills(victims)
    assert len(_verdicts(run)) == tasks
    _wait(parallel)
    undisturbed = {row["task_id"]: row for row in tables.rows(quiet / "run" / "chains")}
    assert {row["task_id"]: row for row in tables.rows(run / "chains")} == undisturbed
    facts = json.loads((run / "run.json").read_text())["stages"]["generate"]
    assert (facts["status"], facts["rows_out"]) == ("done", tasks)
    assert 0 < facts["chains"]["teacher right"] < tasks
    assert "engine_error" not in facts["failures"]


@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_with_vllm_verdicts_agree_as_often_as_those_of_undisturbed_runs(
    cluster: Raylets, tmp_path: Path
) -> None:
    """Continuous batching in bf16 is not bit-reproducible, so two runs differ in some verdicts."""
    runs = [tmp_path / name for name in ("one", "other", "disturbed")]
    commands = [cli.command("generate", "pocket", *REAL, "--run-dir", run) for run in runs]
    for command in commands[:2]:
        _wait(_start(command))
    victims = [WORKER, VLLM, ACTOR, NODE] * 2
    random.Random(7).shuffle(victims)
    Chaos(cluster, commands[2], runs[2], tmp_path / "log").run_with_kills(victims)
    one, other, disturbed = map(_verdicts, runs)
    expected, actual = _agreement(one, other), _agreement(one, disturbed)
    print(f"verdicts agree: undisturbed {expected:.1%}, disturbed {actual:.1%} of {len(one)}")
    assert one.keys() == other.keys() == disturbed.keys()
    assert actual > expected - 0.05


def _recipe(place: Path, tasks: int, **engine: object) -> Path:
    cluster = {"batch_tasks": 8, "chains_in_flight": 16, "actors_max": NODES}
    return simulated.write_recipe(place, tasks, 1, {"max_num_seqs": 8, **engine}, cluster)


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start an undisturbed run on a private Ray."""
    return subprocess.Popen(
        command, cwd=ROOT, env=cli.environment(), stderr=subprocess.PIPE, text=True
    )


def _wait(run: subprocess.Popen[str]) -> None:
    _, stderr = run.communicate()
    assert run.returncode == 0, stderr[-3000:]


def _verdicts(run: Path) -> dict[str, bool | None]:
    """Verdicts by task; asserts that each task of the run has exactly one chain."""
    planned = [row["task_id"] for row in tables.rows(run / "tasks", ["task_id"])]
    made = {r["task_id"]: r["correct"] for r in tables.rows(run / "chains", ["task_id", "correct"])}
    rows = sum(1 for _ in tables.rows(run / "chains", ["task_id"]))
    assert len(planned) == len(set(planned)) == rows
    assert made.keys() == set(planned)
    return made


def _agreement(one: dict[str, bool | None], other: dict[str, bool | None]) -> float:
    return sum(one[task_id] == other[task_id] for task_id in one) / len(one)

"""Everything that makes chains is killed through one run: nothing is lost, nothing is there twice,
and what was made is what an undisturbed run makes."""

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

WORKER = "toolsets.execution.pool.worker"  # what processes have in their command lines
ACTOR = "ray::MapWorker"
VLLM = "VLLM::EngineCore"
NODE, DRIVER = "node", "driver"
NODES = 2  # beside the head, with a CPU each
STEP_SECONDS = 0.05  # of an engine, so that there is something to disturb
REAL = (
    "problems.counts.train=600",
    "problems.counts.test=24",
    "problems.counts.ood=12",
    "pairs.rejected_from=[teacher]",
    "cluster.batch_tasks=8",
    "cluster.chains_in_flight=16",
    f"cluster.actors_max={NODES}",
    "teacher.temperature=1.5",  # many replies hang by a hair
)


@dataclass(frozen=True, slots=True)
class Chaos:
    """A command that makes chains into `run`, and where it says what it does."""

    cluster: Raylets
    command: Sequence[str]
    run: Path
    log: Path

    def through(self, victims: Sequence[str]) -> None:
        """Run to the end, killing one of each of `victims` whenever some more chains are there;
        the driver last."""
        driver = self._start()
        try:
            for number, victim in enumerate([*victims, DRIVER]):
                self._wait_for_more(driver)
                if victim == DRIVER:
                    driver.kill()
                    driver.wait()
                    driver = self._start()
                elif victim == NODE:
                    self.cluster.add(f"instead-{number}", cpus=1)
                    self.cluster.lose(1)  # the oldest but the head
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
        before, until = self._files(), time.monotonic() + 200
        while self._files() == before:
            assert driver.poll() is None, f"ended too early: {self.log.read_text()[-3000:]}"
            assert time.monotonic() < until, f"no progress: {self.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def _files(self) -> int:
        return len(tables.files(self.run / "chains"))

    def _kill_one(self, title: str, number: int) -> None:
        """Kill one process with this in its command line, waiting for one to be there."""
        until = time.monotonic() + 100
        while not (found := list(self._processes(title))):
            assert time.monotonic() < until, f"there is no {title}"
            time.sleep(0.05)
        random.Random(number).choice(found).kill()

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
        pytest.param(320, 1, id="each once"),
        pytest.param(2400, 8, id="each eight times", marks=pytest.mark.slow),
    ],
)
@pytest.mark.timeout(900)
def test_what_is_killed_is_made_again_and_nothing_twice(
    tasks: int, times: int, cluster: Raylets, tmp_path: Path
) -> None:
    quiet, run = tmp_path / "quiet", tmp_path / "run"
    beside = _start(simulated.command(_recipe(quiet, tasks), quiet / "run"))
    recipe = _recipe(tmp_path, tasks, seconds_per_step={"1": STEP_SECONDS})
    victims = [WORKER, simulated.CORE, ACTOR, NODE] * times
    random.Random(7).shuffle(victims)
    Chaos(cluster, simulated.command(recipe, run), run, tmp_path / "log").through(victims)
    assert len(_each_once(run)) == tasks
    _end(beside)
    undisturbed = {row["task_id"]: row for row in tables.rows(quiet / "run" / "chains")}
    assert {row["task_id"]: row for row in tables.rows(run / "chains")} == undisturbed
    told = json.loads((run / "run.json").read_text())["stages"]["generate"]
    assert (told["status"], told["rows_out"]) == ("done", tasks)
    assert 0 < told["chains"]["teacher right"] < tasks
    assert "engine_error" not in told["failures"]


@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_with_vllm_verdicts_agree_as_often_as_those_of_undisturbed_runs(
    cluster: Raylets, tmp_path: Path
) -> None:
    """Continuous batching in bf16 is not reproducible to the bit, so two runs differ by some."""
    runs = [tmp_path / name for name in ("one", "other", "disturbed")]
    commands = [cli.command("generate", "pocket", *REAL, "--run-dir", run) for run in runs]
    for command in commands[:2]:
        _end(_start(command))
    victims = [WORKER, VLLM, ACTOR, NODE] * 2
    random.Random(7).shuffle(victims)
    Chaos(cluster, commands[2], runs[2], tmp_path / "log").through(victims)
    one, other, disturbed = map(_each_once, runs)
    expected, found = _agreement(one, other), _agreement(one, disturbed)
    print(f"verdicts agree: undisturbed {expected:.1%}, disturbed {found:.1%} of {len(one)}")
    assert one.keys() == other.keys() == disturbed.keys()
    assert found > expected - 0.05


def _recipe(place: Path, tasks: int, **engine: object) -> Path:
    cluster = {"batch_tasks": 8, "chains_in_flight": 16, "actors_max": NODES}
    return simulated.write_recipe(place, tasks, 1, {"max_num_seqs": 8, **engine}, cluster)


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    """Begin an undisturbed run, on a Ray of its own."""
    return subprocess.Popen(
        command, cwd=ROOT, env=cli.environment(), stderr=subprocess.PIPE, text=True
    )


def _end(run: subprocess.Popen[str]) -> None:
    _, said = run.communicate()
    assert run.returncode == 0, said[-3000:]


def _each_once(run: Path) -> dict[str, bool | None]:
    """The verdict of each task of a run, which has one chain."""
    planned = [row["task_id"] for row in tables.rows(run / "tasks", ["task_id"])]
    made = {r["task_id"]: r["correct"] for r in tables.rows(run / "chains", ["task_id", "correct"])}
    rows = sum(1 for _ in tables.rows(run / "chains", ["task_id"]))
    assert len(planned) == len(set(planned)) == rows
    assert made.keys() == set(planned)
    return made


def _agreement(one: dict[str, bool | None], other: dict[str, bool | None]) -> float:
    return sum(one[task_id] == other[task_id] for task_id in one) / len(one)

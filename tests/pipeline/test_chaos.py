"""Everything that makes chains is killed through one run: nothing is lost, nothing is there twice,
and what was made is what an undisturbed run makes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline import tables
from pipeline.pocket.models import TOOLSET, folder
from tests.conftest import ROOT
from tests.pipeline.cli import environment
from tests.pipeline.simulated import CORE
from tests.raylets import Raylets, raylets

pytestmark = [pytest.mark.ray, pytest.mark.timeout(590)]

KINDS = {  # what a process of each kind has in its command line
    "function worker": "toolsets.pool.worker",
    "engine": CORE,
    "actor": "ray::MapWorker",
}
NODES = 2  # beside the head, with a CPU each


@pytest.mark.parametrize(
    ("tasks", "times"),
    [
        pytest.param(320, 1, id="each once"),
        pytest.param(4000, 8, id="each eight times", marks=pytest.mark.slow),
    ],
)
def test_what_is_killed_is_made_again_and_nothing_twice(
    tasks: int, times: int, tmp_path: Path
) -> None:
    recipe, quiet, chaos = _recipe(tmp_path, tasks), tmp_path / "quiet", tmp_path / "chaos"
    at_once = _command(_recipe(quiet, tasks, seconds=None), quiet / "run")
    done = subprocess.run(at_once, cwd=ROOT, env=environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    killed = [*KINDS, "node"] * times
    random.Random(7).shuffle(killed)
    with raylets() as cluster:
        for node in range(NODES):
            cluster.add(f"node-{node}", cpus=1)
        _disturb(cluster, recipe, chaos, [*killed, "driver"])
    planned = [row["task_id"] for row in tables.rows(chaos / "tasks", ["task_id"])]
    assert len(planned) == tasks
    rows = list(tables.rows(chaos / "chains"))
    assert sorted(row["task_id"] for row in rows) == sorted(planned)
    undisturbed = {row["task_id"]: row for row in tables.rows(quiet / "run" / "chains")}
    assert {row["task_id"]: row for row in rows} == undisturbed
    told = json.loads((chaos / "run.json").read_text())["stages"]["generate"]
    assert (told["status"], told["rows_out"]) == ("done", tasks)
    assert 0 < told["chains"]["teacher right"] < tasks
    assert "engine_error" not in told["failures"]


def _recipe(place: Path, tasks: int, seconds: float | None = 0.03) -> Path:
    """Problems, and a recipe whose teacher is simulated, a step of it taking so many seconds."""
    place.mkdir(exist_ok=True)
    engine: dict[str, Any] = {"max_model_len": 1024, "max_num_seqs": 8}
    if seconds is not None:
        engine["seconds_per_step"] = {"1": seconds}
    problems = [
        {"problem_id": str(i), "question": f"What is {i} and 1?", "answer": i % 4, "split": "train"}
        for i in range(tasks)
    ]
    (place / "problems.jsonl").write_text("\n".join(map(json.dumps, problems)))
    recipe: dict[str, Any] = {
        "toolset": TOOLSET,
        "problems": {"path": str(place / "problems.jsonl"), "decontaminate_ngram": None},
        "agent": {"think": False, "reply_tokens": 32},
        "teacher": {
            "model": str(folder("teacher")),
            "samples": {"min": 1, "max": 1},
            "engine": engine,
        },
        "pairs": {"rejected_from": ["teacher"]},
        "cluster": {"batch_tasks": 8, "chains_in_flight": 16, "actors_max": NODES},
    }
    path = place / "recipe.yaml"
    path.write_text(json.dumps(recipe))  # JSON is YAML
    return path


def _disturb(cluster: Raylets, recipe: Path, place: Path, killed: Sequence[str]) -> None:
    """Run to the end, killing one of each of `killed` whenever some more chains are there."""
    driver = _start(cluster, recipe, place)
    try:
        for number, kind in enumerate(killed):
            _wait_for_more(place / "chains", driver)
            if kind == "driver":
                driver.kill()
                driver.wait()
                driver = _start(cluster, recipe, place)
            elif kind == "node":
                cluster.add(f"instead-{number}", cpus=1)
                cluster.lose(1)  # the oldest but the head
            else:
                _kill_one(cluster, kind, number)
        assert driver.wait(timeout=300) == 0, place.with_suffix(".log").read_text()[-3000:]
    finally:
        driver.kill()
        driver.wait()


def _start(cluster: Raylets, recipe: Path, place: Path) -> subprocess.Popen[bytes]:
    with place.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            _command(recipe, place), cwd=ROOT, env=cluster.environment(), stdout=log, stderr=log
        )


def _command(recipe: Path, place: Path) -> list[str]:
    return [sys.executable, "-m", "tests.pipeline.simulated", str(recipe), str(place)]


def _wait_for_more(chains: Path, driver: subprocess.Popen[bytes]) -> None:
    before, until = len(tables.files(chains)), time.monotonic() + 200
    while len(tables.files(chains)) < before + 2:
        log = chains.parent.with_suffix(".log")
        assert driver.poll() is None, f"ended too early: {log.read_text()[-3000:]}"
        assert time.monotonic() < until, f"no progress: {log.read_text()[-3000:]}"
        time.sleep(0.05)


def _kill_one(cluster: Raylets, kind: str, number: int) -> None:
    """Kill one process of this kind, waiting for one to be there."""
    until = time.monotonic() + 100
    while not (found := list(_processes(cluster, KINDS[kind]))):
        assert time.monotonic() < until, f"there is no {kind}"
        time.sleep(0.05)
    random.Random(number).choice(found).kill()


def _processes(cluster: Raylets, title: str) -> Iterator[psutil.Process]:
    for process in cluster.family():
        with suppress(psutil.NoSuchProcess):
            if title in " ".join(process.cmdline()):
                yield process

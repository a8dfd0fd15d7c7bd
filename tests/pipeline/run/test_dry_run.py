"""`--dry-run` after real runs: the estimate from a sample against the whole run.

The runs are made by this file as a program, with Ray Data, actors, executors and Parquet; only the
engines are simulated.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.session import connect
from pipeline import tables
from pipeline.__main__ import main
from pipeline.pocket.models import TOOLSET, folder
from pipeline.run_dir import RunDir
from tests.conftest import ROOT
from tests.pipeline.cli import environment
from tests.pipeline.generation.simulated import generate_connected

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(590)]

SAMPLE, WHOLE = 100, 300  # problems
PRICE = 2.5
TEACHER = {"min": 1, "max": 2, "until": {"correct": 1, "incorrect": 0}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe and its run directories: `sample`, with some problems, and `whole`."""
    place = tmp_path_factory.mktemp("dry_run")
    problems = [
        {"problem_id": str(i), "question": f"What is {i} and 1?", "answer": i % 4, "split": "train"}
        for i in range(WHOLE)
    ]
    (place / "problems.jsonl").write_text("\n".join(map(json.dumps, problems)))
    engine = {"max_model_len": 1024, "max_num_seqs": 8}
    recipe: dict[str, Any] = {
        "toolset": TOOLSET,
        "problems": {"path": str(place / "problems.jsonl"), "decontaminate_ngram": None},
        "agent": {"think": False, "reply_tokens": 32},
        "teacher": {"model": str(folder("teacher")), "samples": TEACHER, "engine": engine},
        "student": {
            "model": str(folder("student")),
            "samples": {"min": 2, "max": 2},
            "engine": engine,
        },
        "cluster": {"engine_price_per_hour": PRICE},
    }
    (place / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML
    command = [sys.executable, "-m", "tests.pipeline.run.test_dry_run", str(place)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return place


def _dry_run(place: Path, run_dir: Path, *more: object) -> None:
    arguments = ["generate", place / "recipe.yaml", f"problems.limit={WHOLE}", *more]
    assert main([str(part) for part in (*arguments, "--dry-run", "--run-dir", run_dir)]) == 0


def _estimate(capsys: pytest.CaptureFixture[str], place: Path, name: str, *more: object) -> Any:
    _dry_run(place, place / name, *more, "--json")
    return json.loads(capsys.readouterr().out)["estimate"]


def test_a_sample_estimates_the_whole_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = _estimate(capsys, place, "none", "--sample", place / "sample")
    facts = RunDir(place / "whole").facts("generate")
    made = {name: facts["chains"][name] for name in ("teacher", "student")}
    student, teacher = printed["models"]["student"], printed["models"]["teacher"]
    assert student["tasks"] == {"least": 600, "most": 600, "expected": 600, "there": 0}
    assert made["student"] == 600
    assert teacher["tasks"]["least"] == 300 < made["teacher"] < teacher["tasks"]["most"] == 600
    assert teacher["tasks"]["expected"] == pytest.approx(made["teacher"], rel=0.1)
    for name, estimate in printed["models"].items():
        usage = facts["usage"][name]
        assert usage["chains"] == made[name]
        assert estimate["read"] == pytest.approx(usage["prompt"], rel=0.15)
        assert estimate["written"] == pytest.approx(usage["written"], rel=0.15)
        low, high = estimate["written_ci95"]
        assert low < usage["written"] < high
        assert estimate["engine_hours_left"] == estimate["engine_hours"] > 0
        assert estimate["cost"] == pytest.approx(PRICE * estimate["engine_hours"])
    chains = tables.rows(place / "whole" / "chains", ["tokens"])
    assert sum(usage["written"] for usage in facts["usage"].values()) == sum(
        row["tokens"] for row in chains
    )


def test_the_estimate_of_a_finished_run_equals_its_measurements(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = _estimate(capsys, place, "whole")
    facts = RunDir(place / "whole").facts("generate")
    assert printed["sample"] == str(place / "whole")
    for name, estimate in printed["models"].items():
        usage = facts["usage"][name]
        assert estimate["tasks"]["expected"] == estimate["tasks"]["there"] == usage["chains"]
        assert (estimate["read"], estimate["written"]) == (usage["prompt"], usage["written"])
        assert estimate["written_ci95"] == [usage["written"]] * 2
        assert estimate["engine_hours"] == pytest.approx(usage["engine_seconds"] / 3600)
        assert estimate["engine_hours_left"] == estimate["cost_left"] == 0


def test_the_estimate_of_a_stopped_run_names_the_chains_left(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(place / "whole", tmp_path / "stopped")
    stopped = RunDir(tmp_path / "stopped")
    lost = next(path for path in tables.files(stopped.chains) if path.name.startswith("student"))
    removed = len(tables.task_ids(lost))
    lost.unlink()
    stopped.note("generate", status="failed")
    _dry_run(place, stopped.path)
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("estimate   student")]
    assert f"; {removed} left: " in line
    assert line.endswith(f"measured on {600 - removed} chains of {stopped.path}")


def test_differences_between_sample_and_recipe_are_noted(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = (f"student.model={folder('teacher')}", "agent.max_steps=3")
    printed = _estimate(capsys, place, "none", *changed, "--sample", place / "sample")
    assert printed["models"]["student"]["engine_hours"] is None
    assert printed["models"]["teacher"]["engine_hours"] > 0
    unlike, differs, few = printed["notes"]
    assert unlike.endswith("it gives no estimate for the student")
    assert "has another recipe: agent.max_steps is 12 there, 3 here" in differs
    assert "too few chains of teacher to keep an engine full" in few


def make_runs(place: str) -> None:
    """Make the chains of the runs `sample` and `whole` on a private Ray."""
    with connect(ROOT, cpus=2):
        for name, limit in ("sample", SAMPLE), ("whole", WHOLE):
            run_dir = Path(place) / name
            generate_connected(f"{place}/recipe.yaml", run_dir, f"problems.limit={limit}")


if __name__ == "__main__":
    make_runs(*sys.argv[1:])

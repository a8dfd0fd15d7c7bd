"""Rounds through the real stages with a killed driver; the students' skill is scripted.

This file is run as a program, with Ray Data, actors and Parquet. The results of training are
copied in beforehand, so nothing is trained; `test_rounds_run.py` trains.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from pipeline import tables
from pipeline.errors import CannotStart
from pipeline.hashing import stable_hash
from pipeline.pocket.models import TOOLSET, folder
from pipeline.problems.pocket.world import problems
from pipeline.recipe.load import load
from pipeline.run.run import prepare
from pipeline.run.schedule import run_all, run_stage
from pipeline.run_dir import RunDir, opened
from pipeline.training.stage import stage_model
from tests.conftest import ROOT
from tests.pipeline.agent.scripted import ScriptedEngine
from tests.pipeline.cli import environment
from tests.pipeline.run.test_survival import wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(400)]

RECIPE = {
    "toolset": TOOLSET,
    "problems": {"counts": {"train": 24, "test": 6, "ood": 0}},
    "agent": {"think": False, "reply_tokens": 48, "max_steps": 4},
    "pairs": {"rejected_from": ["student"], "per_problem": 1, "needs_call": False},
    "train": {"stages": ["dpo"], "rounds": 3, "heldout_problems": 40},
    "evaluate": {"models": ["student_rounds", "student_after"], "splits": ["test"]},
}
TEACHER, BEFORE, FIRST, SECOND = 100, 30, 65, 45  # percent of problems that each solves


class SkilledEngine(ScriptedEngine):
    """Built from a model folder like vLLM; solves the percentage given in its file `skill`."""

    dead = False
    capacity = None

    def __init__(self, model: str, options: Mapping[str, Any], kv_cache_gib: float) -> None:
        skill = int((Path(model) / "skill").read_text())
        script = {}
        for problem in (p for split in ("train", "test") for p in problems(150, 0, split)):
            solves = stable_hash(problem.question) % 100 < skill
            script[problem.question] = [f"answer(value={problem.answer if solves else 'none'!r})"]
        super().__init__(AutoTokenizer.from_pretrained(model), script)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, its models, and a run in which the training of two rounds is done."""
    place = tmp_path_factory.mktemp("rounds")
    models = {"teacher": TEACHER, "student": BEFORE}
    for name, skill in models.items():
        _model(place / name, skill)
    run = RunDir(place / "run")
    for number, skill in ((1, FIRST), (2, SECOND)):
        _model(stage_model(run.of_round(number).path, "dpo"), skill)
    own = {name: {"model": str(place / name), "samples": {"min": 1, "max": 1}} for name in models}
    (place / "recipe.yaml").write_text(json.dumps(RECIPE | own))  # JSON is YAML
    return place


@pytest.fixture(scope="module")
def run(place: Path) -> RunDir:
    """The run, after its driver was killed in the second round and restarted."""
    run, log = RunDir(place / "run"), place / "log"
    command = [sys.executable, "-m", "tests.pipeline.run.test_schedule", str(place)]
    with log.open("wb") as file:
        driver = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stderr=file, start_new_session=True
        )
    wait_for(lambda: bool(tables.files(run.of_round(2).chains)), driver, log)
    driver.kill()
    driver.wait()
    (place / "before").write_text(json.dumps(_stamps(run)))
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (place / "stderr").write_text(done.stderr)
    return run


def test_a_killed_second_round_continues_and_redoes_nothing(run: RunDir, place: Path) -> None:
    before, after = json.loads((place / "before").read_text()), _stamps(run)
    assert any("/rounds/02/" in name for name in before)
    assert {name: after[name] for name in before} == before
    printed = (place / "stderr").read_text()
    assert "round 1 of" not in printed
    assert "round 2 of at most 3: 24 problems" in printed


def test_rounds_end_when_the_student_gets_worse_and_the_best_one_is_published(
    run: RunDir, place: Path
) -> None:
    rounds = run.rounds
    assert rounds["stopped"] == "round 2 made the student worse"
    assert (rounds["best"], rounds["heldout"]) == (1, 40)
    before, first, second = rounds["students"]
    assert before["accuracy"] < first["accuracy"] > second["accuracy"]
    assert first["gain_ci95"][0] > 0 > second["gain_ci95"][1]
    assert (run.student / "skill").read_text() == str(FIRST)
    assert not run.of_round(3).path.exists()
    assert (
        "rounds end: round 2 made the student worse; student/ is that of round 1"
        in (place / "stderr").read_text()
    )


def test_the_previous_student_makes_chains_of_fresh_problems(run: RunDir) -> None:
    first, second = (list(tables.rows(run.of_round(n).chains)) for n in (1, 2))
    assert len(first) == len(second) == 24 * 2
    asked = [{row["problem"]["problem_id"] for row in rows} for rows in (first, second)]
    assert not asked[0] & asked[1]
    assert all("/r2/" in row["task_id"] for row in second)
    assert not any("/r2/" in row["task_id"] for row in first)
    for rows, skill in ((first, BEFORE), (second, FIRST)):
        of_student = [row for row in rows if row["model"] == "student"]
        solved = {stable_hash(row["problem"]["question"]) % 100 < skill for row in of_student}
        assert solved == {True, False}
        for row in of_student:
            assert row["correct"] == (stable_hash(row["problem"]["question"]) % 100 < skill)


def test_the_sft_stage_of_a_round_includes_the_rows_of_earlier_rounds(run: RunDir) -> None:
    first, second = (
        {row["chain_id"] for row in tables.rows(run.of_round(n).pairs / "supervised")}
        for n in (1, 2)
    )
    assert first < second
    assert all("/r2/" in chain_id for chain_id in second - first)


def test_each_round_has_its_own_folders_and_stages_in_run_json(run: RunDir) -> None:
    stages = run.read()["stages"]
    of_round = ("generate", "pairs", "train", "heldout")
    assert set(stages) == {*of_round, *(f"rounds/02/{name}" for name in of_round), "evaluate"}
    assert {stage["status"] for stage in stages.values()} == {"done"}
    second = run.of_round(2)
    assert {path.name for path in second.path.iterdir()} == {
        "tasks",
        "chains",
        "pairs",
        "checkpoints",
        "student",
    }
    ids = {row["chosen_chain_id"] for row in tables.rows(second.pairs)}
    assert ids
    assert all("/r2/" in chain_id for chain_id in ids)


def test_each_student_solves_each_held_out_problem_once(run: RunDir) -> None:
    rows = list(tables.rows(run.heldout))
    models = [row["model"] for row in rows]
    assert {name: models.count(name) for name in models} == {
        "student_before": 40,
        "student_round_1": 40,
        "student_round_2": 40,
    }
    chains = [row for n in (1, 2) for row in tables.rows(run.of_round(n).chains)]
    trained = {row["problem"]["question"] for row in chains}
    assert not trained & {row["problem"]["question"] for row in rows}


def test_every_round_is_evaluated_and_the_best_one_once(run: RunDir) -> None:
    metrics = json.loads((run.evaluation / "metrics.json").read_text())["models"]
    assert set(metrics) == {"student_round_1", "student_round_2", "student_after"}
    assert metrics["student_round_1"] == metrics["student_after"]
    models = {row["model"] for row in tables.rows(run.evaluation)}
    assert models == {"student_round_2", "student_after"}


def test_after_the_rounds_a_single_stage_runs_in_the_last_round(run: RunDir, place: Path) -> None:
    prepared = prepare(load(str(place / "recipe.yaml")), run)
    before = _stamps(run)
    assert run_stage(prepared, "train", redo_errors=False) == run.of_round(2)
    assert _stamps(run) == before


def test_evaluation_waits_for_the_rounds_to_end(place: Path, tmp_path: Path) -> None:
    recipe = load(str(place / "recipe.yaml"))
    with opened(tmp_path, recipe, ROOT) as run:
        shutil.copytree(place / "student", run.student)
        with pytest.raises(CannotStart) as raised:
            run_stage(prepare(recipe, run), "evaluate", redo_errors=False)
    assert str(raised.value) == (
        f"{tmp_path} is in round 1 of at most 3, whose student was not measured yet; run "
        "train first"
    )


def _model(place: Path, skill: int) -> None:
    shutil.copytree(folder("student"), place)
    (place / "skill").write_text(str(skill))
    (place.parent / "data.json").write_text(json.dumps({"rows": 1, "chosen_tokens": 1}))


def _stamps(run: RunDir) -> dict[str, int]:
    return {
        str(path): path.stat().st_mtime_ns
        for path in run.path.rglob("*")
        if path.suffix in (".parquet", ".safetensors") and not path.name.startswith(".")
    }


def run_stages(place: Path) -> None:
    """Run all stages with scripted engines on a private Ray."""
    from cluster.session import connect

    recipe = load(str(place / "recipe.yaml"))
    with connect(ROOT, cpus=2), opened(place / "run", recipe, ROOT) as run:
        prepared = prepare(recipe, run)
        engine = f"tests.pipeline.run.test_schedule:{SkilledEngine.__name__}"
        run_all(replace(prepared, engine_class=engine), redo_errors=False)


if __name__ == "__main__":
    run_stages(Path(sys.argv[1]))

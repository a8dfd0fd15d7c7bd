"""A second round through the real stack, killed while it trains.

The pocket teacher is copied in as the result of the first round's training, so that round certainly
has a gain, and the second round starts from a model of another size.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline import tables
from pipeline.pocket.models import folder
from pipeline.run_dir import RunDir
from pipeline.training.stage import stage_model
from tests.pipeline.cli import run, start
from tests.pipeline.run.test_survival import wait_for

pytestmark = [
    pytest.mark.ray,
    pytest.mark.vllm,
    pytest.mark.train,
    pytest.mark.slow,
    pytest.mark.timeout(1500),
]

OPTIONS = (
    "problems.counts.train=120",
    "problems.counts.test=24",
    "problems.counts.ood=0",
    "evaluate.models=[student_rounds,student_after]",
    "evaluate.splits=[test]",
    "train.rounds=2",
    "train.heldout_problems=100",
    "train.checkpoint_steps=2",
)


def test_a_killed_second_round_resumes_from_the_student_of_the_first(tmp_path: Path) -> None:
    place, log = RunDir(tmp_path / "run"), tmp_path / "log"
    first, second = (stage_model(place.of_round(number).path, "dpo") for number in (1, 2))
    for stage in ("sft", "dpo"):
        write_finished_stage(stage_model(place.path, stage))
    arguments = ("run", "pocket", *OPTIONS, "--run-dir", place.path)
    driver = start(*arguments, log=log)
    metrics = second.parents[1] / "sft" / "metrics.jsonl"
    wait_for(lambda: metrics.is_file() and bool(metrics.read_text()), driver, log, 700)
    driver.kill()
    driver.wait()
    before = stamps(place)
    done = run(*arguments, timeout=700)
    assert done.returncode == 0, done.stderr[-3000:]
    assert {name: stamp for name, stamp in stamps(place).items() if name in before} == before

    students = place.rounds["students"]
    assert students[0]["accuracy"] + 0.2 < students[1]["accuracy"]
    assert hidden_size(first) == hidden_size(second) != hidden_size(folder("student"))
    assert weights(first) != weights(second)
    best = place.rounds["best"]
    assert weights(place.student) == weights((first, second)[best - 1])
    assert "student round 1" in done.stdout
    models = json.loads((place.evaluation / "metrics.json").read_text())["models"]
    assert set(models) == {"student_round_1", "student_round_2", "student_after"}
    assert models[f"student_round_{best}"] == models["student_after"]


def write_finished_stage(model: Path) -> None:
    """Write the files of a finished training stage."""
    shutil.copytree(folder("teacher"), model)
    (model.parent / "data.json").write_text(json.dumps({"rows": 1, "chosen_tokens": 1}))


def hidden_size(model: Path) -> int:
    return json.loads((model / "config.json").read_text())["hidden_size"]


def weights(model: Path) -> bytes:
    return (model / "model.safetensors").read_bytes()


def stamps(place: RunDir) -> dict[str, int]:
    """Modification times of the files that a resumed command must not write again."""
    rounds = (place, place.of_round(2))
    files = [path for r in rounds for f in (r.tasks, r.chains, r.pairs) for path in tables.files(f)]
    files += [*tables.files(place.heldout), *place.path.glob("checkpoints/*/model/*.safetensors")]
    return {str(path): path.stat().st_mtime_ns for path in files}

"""A stage's folder: the best weights, a loss that is no number, a checkpoint of another model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import CannotStart
from pipeline.training.checkpoints import (
    BEGAN,
    DIVERGED,
    Score,
    checkpoints,
    diverged,
    fingerprint,
    keep_if_best,
    refuse_another_model,
)


def checkpoint(out: Path, step: int) -> Path:
    folder = out / "ray" / f"checkpoint_{step:03d}"
    folder.mkdir(parents=True)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return folder


def model(folder: Path, weights: bytes) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return str(folder)


def scored(folder: Path, weights: bytes) -> Path:
    model(folder, weights)
    (folder / "optimizer.pt").write_bytes(b"large")
    return folder


def test_checkpoints_are_known_by_their_step(tmp_path: Path) -> None:
    folders = {step: checkpoint(tmp_path, step) for step in (4, 8)}
    assert checkpoints(tmp_path) == folders
    assert checkpoints(tmp_path / "none") == {}


def test_the_last_good_checkpoint_is_one_whose_next_step_had_a_loss(tmp_path: Path) -> None:
    out = tmp_path / "dpo"
    good, _bad = checkpoint(out, 4), checkpoint(out, 8)
    assert diverged(out) is None
    (out / DIVERGED).write_text(json.dumps({"step": 9, "what": "the loss"}))
    told = diverged(out)
    assert told is not None
    assert told.startswith("training (dpo) stopped at step 9, where the loss was not a finite ")
    assert f"its last good checkpoint is {good};" in told
    assert "lower the learning rate" in told and f"remove {out}" in told


def test_without_a_good_checkpoint_it_says_so(tmp_path: Path) -> None:
    (tmp_path / DIVERGED).write_text(json.dumps({"step": 1, "what": "the loss"}))
    assert "it has no good checkpoint" in str(diverged(tmp_path))


def test_the_best_is_replaced_by_a_better_one_only(tmp_path: Path) -> None:
    best = tmp_path / "best"
    scores = [
        (0.5, 0.6, "first"),
        (0.5, 0.7, "as good"),
        (0.5, 0.5, "lower loss"),
        (0.75, 0.9, "better"),
        (0.25, 0.1, "worse"),
    ]
    kept = []
    for step, (accuracy, loss, name) in enumerate(scores):
        score = Score(step, accuracy, loss)
        keep_if_best(scored(tmp_path / name, name.encode()), best, score)
        kept.append((best / "model.safetensors").read_bytes().decode())
    assert kept == ["first", "first", "lower loss", "better", "better"]
    assert json.loads((best / "best.json").read_text()) == {
        "step": 3,
        "accuracy": 0.75,
        "loss": 0.9,
    }
    assert not (best / "optimizer.pt").exists()


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    out, student = tmp_path / "dpo", model(tmp_path / "student", b"one")
    refuse_another_model(out, student)
    checkpoint(out, 4)
    refuse_another_model(out, student)  # the same command again
    moved = model(tmp_path / "moved", b"one")
    refuse_another_model(out, moved)  # the same model elsewhere
    model(tmp_path / "moved", b"two")
    with pytest.raises(CannotStart, match=f"holds a checkpoint of another model: .* {moved}"):
        refuse_another_model(out, moved)
    assert json.loads((out / BEGAN).read_text())["fingerprint"] == fingerprint(student)


def test_without_a_checkpoint_another_model_may_begin(tmp_path: Path) -> None:
    out, student = tmp_path / "dpo", model(tmp_path / "student", b"one")
    refuse_another_model(out, student)
    refuse_another_model(out, model(tmp_path / "student", b"two"))
    assert json.loads((out / BEGAN).read_text())["fingerprint"] == fingerprint(student)


@pytest.mark.parametrize("at", [0, 5_000_000 - 1])
def test_models_of_one_size_differ_by_either_end_of_their_weights(tmp_path: Path, at: int) -> None:
    weights = bytearray(5_000_000)
    before = fingerprint(model(tmp_path / "m", weights))
    weights[at] = 1
    assert fingerprint(model(tmp_path / "m", weights)) != before


def test_a_hub_name_stands_for_itself() -> None:
    assert fingerprint("owner/name") == "owner/name"

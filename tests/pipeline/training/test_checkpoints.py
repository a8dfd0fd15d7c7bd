"""A stage's folder: the best weights, a non-finite loss, a checkpoint of another model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import CannotStart
from pipeline.training.checkpoints import (
    BASE,
    DIVERGED,
    Score,
    checkpoints,
    divergence_message,
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


def test_checkpoints_are_listed_by_step(tmp_path: Path) -> None:
    folders = {step: checkpoint(tmp_path, step) for step in (4, 8)}
    assert checkpoints(tmp_path) == folders
    assert checkpoints(tmp_path / "none") == {}


def test_a_checkpoint_is_good_if_the_next_step_had_a_finite_loss(tmp_path: Path) -> None:
    out = tmp_path / "dpo"
    good, _bad = checkpoint(out, 4), checkpoint(out, 8)
    assert divergence_message(out) is None
    (out / DIVERGED).write_text(json.dumps({"step": 9, "what": "the loss"}))
    message = divergence_message(out)
    assert message is not None
    assert message.startswith("training (dpo) stopped at step 9, where the loss was not a finite ")
    assert f"its last good checkpoint is {good};" in message
    assert "lower the learning rate" in message and f"remove {out}" in message


def test_the_message_states_that_there_is_no_good_checkpoint(tmp_path: Path) -> None:
    (tmp_path / DIVERGED).write_text(json.dumps({"step": 1, "what": "the loss"}))
    assert "it has no good checkpoint" in str(divergence_message(tmp_path))


def test_only_a_better_checkpoint_replaces_the_best(tmp_path: Path) -> None:
    best = tmp_path / "best"
    scores = [
        (0.5, 0.6, "first"),
        (0.5, 0.7, "as good"),
        (0.5, 0.5, "lower loss"),
        (0.75, 0.9, "better"),
        (0.25, 0.1, "worse"),
    ]
    best_names = []
    for step, (accuracy, loss, name) in enumerate(scores):
        score = Score(step, accuracy, loss)
        keep_if_best(scored(tmp_path / name, name.encode()), best, score)
        best_names.append((best / "model.safetensors").read_bytes().decode())
    assert best_names == ["first", "first", "lower loss", "better", "better"]
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
    assert json.loads((out / BASE).read_text())["fingerprint"] == fingerprint(student)


def test_without_a_checkpoint_another_model_is_accepted(tmp_path: Path) -> None:
    out, student = tmp_path / "dpo", model(tmp_path / "student", b"one")
    refuse_another_model(out, student)
    refuse_another_model(out, model(tmp_path / "student", b"two"))
    assert json.loads((out / BASE).read_text())["fingerprint"] == fingerprint(student)


@pytest.mark.parametrize("at", [0, 5_000_000 - 1])
def test_models_of_one_size_differ_by_either_end_of_their_weights(tmp_path: Path, at: int) -> None:
    weights = bytearray(5_000_000)
    before = fingerprint(model(tmp_path / "m", weights))
    weights[at] = 1
    assert fingerprint(model(tmp_path / "m", weights)) != before


def test_the_fingerprint_of_a_hub_name_is_the_name() -> None:
    assert fingerprint("owner/name") == "owner/name"

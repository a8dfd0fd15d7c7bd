"""The files of a training stage, and the checks before it resumes from a checkpoint.

`ray/` holds Ray Train's checkpoints, one shard per worker; `best/` holds weights only. Ray Train
resumes from the latest checkpoint; the functions here check whether it may.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import CannotStart

METRICS = "metrics.jsonl"
DIVERGED = "diverged.json"  # the step of a non-finite number, and its name
BEST = "best"  # the weights with the best reward accuracy on held-out pairs
MODEL = "model"  # the finished model
BASE = "began.json"  # the model that the stage started from
RAY = "ray"
SAMPLED_BYTES = 2**20  # read at each end of a weights file


@dataclass(frozen=True, slots=True)
class Score:
    """A checkpoint's step, and its reward accuracy and loss on held-out pairs."""

    step: int
    accuracy: float
    loss: float


def checkpoints(out: Path) -> dict[int, Path]:
    """The checkpoints of the stage in `out`, by step."""
    states = (out / RAY).glob("checkpoint_*/trainer_state.json")
    return {json.loads(state.read_text())["global_step"]: state.parent for state in states}


def divergence_message(out: Path) -> str | None:
    """Error text if the stage in `out` stopped at a non-finite loss, else None.

    A checkpoint is good if the step after it had a finite loss.
    """
    if not (out / DIVERGED).is_file():
        return None
    facts = json.loads((out / DIVERGED).read_text())
    good = {s: folder for s, folder in checkpoints(out).items() if s < facts["step"] - 1}
    last = f"its last good checkpoint is {good[max(good)]}" if good else "it has no good checkpoint"
    return (
        f"training ({out.name}) stopped at step {facts['step']}, where {facts['what']} was not a "
        f"finite number; {last}; the same recipe would diverge again: lower the learning rate "
        "in another --run-dir (--from with this one reuses its chains and pairs), or remove "
        f"{out} to train this stage again"
    )


def refuse_another_model(out: Path, model: str) -> None:
    """Record the model that the stage in `out` starts from.

    Raises CannotStart if the stage has a checkpoint and started from another model.
    """
    now = {"model": model, "fingerprint": fingerprint(model)}
    file = out / BASE
    before = json.loads(file.read_text()) if file.is_file() else now
    if checkpoints(out) and before["fingerprint"] != now["fingerprint"]:
        raise CannotStart(
            f"{out} holds a checkpoint of another model: it started from {before['model']}, and "
            f"{model} differs from it; restore the original model, or remove {out} to train "
            "this stage again"
        )
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(now))


def fingerprint(model: str) -> str:
    """Hash of a model folder: its configuration, and size and both ends of its weights files, as
    reading whole files would take minutes. A hub name is returned as it is."""
    folder, digest = Path(model), hashlib.sha256()
    if not folder.is_dir():
        return model
    for file in sorted([folder / "config.json", *folder.glob("*.safetensors")]):
        size = file.stat().st_size
        digest.update(f"{file.name} {size} ".encode())
        with file.open("rb") as content:
            digest.update(content.read(SAMPLED_BYTES))
            content.seek(max(0, size - SAMPLED_BYTES))
            digest.update(content.read())
    return digest.hexdigest()


def keep_if_best(checkpoint: Path, best: Path, score: Score) -> None:
    """Copy the weights of `checkpoint` to `best` if its reward accuracy on held-out pairs is the
    highest so far, or equal at a lower loss."""
    facts = best / "best.json"
    before = Score(**json.loads(facts.read_text())) if facts.is_file() else None
    if before is not None and (score.accuracy, -score.loss) <= (before.accuracy, -before.loss):
        return
    hidden = best.with_name(f".{best.name}")
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir()
    for file in (*checkpoint.glob("*.safetensors"), *checkpoint.glob("*.json")):
        shutil.copy(file, hidden)
    (hidden / facts.name).write_text(json.dumps(asdict(score)))
    shutil.rmtree(best, ignore_errors=True)
    hidden.rename(best)

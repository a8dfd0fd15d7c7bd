"""What lies in the folder of a training stage, and which of its checkpoints can be gone on from.

`ray/` holds Ray Train's checkpoints, of which each worker wrote its own shard; `best/` weights
only. Ray Train goes on from the latest; what is looked for here is whether that makes sense.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import CannotStart

METRICS = "metrics.jsonl"
DIVERGED = "diverged.json"  # the step at which a number was none, and which
BEST = "best"  # the weights that ordered most held-out pairs right
MODEL = "model"  # the finished model
BEGAN = "began.json"  # the model that the stage began from
RAY = "ray"
SAMPLED_BYTES = 2**20  # of a file of weights, at either end


@dataclass(frozen=True, slots=True)
class Score:
    """A checkpoint's step, its share of held-out pairs ordered right, and its loss on them."""

    step: int
    accuracy: float
    loss: float


def checkpoints(out: Path) -> dict[int, Path]:
    """The checkpoints of the stage in `out`, by step."""
    states = (out / RAY).glob("checkpoint_*/trainer_state.json")
    return {json.loads(state.read_text())["global_step"]: state.parent for state in states}


def diverged(out: Path) -> str | None:
    """A sentence where the stage in `out` came to a loss that is not a number.

    The weights of a checkpoint are known to be good if the step after it had a loss.
    """
    if not (out / DIVERGED).is_file():
        return None
    facts = json.loads((out / DIVERGED).read_text())
    found = checkpoints(out)
    good = {step: folder for step, folder in found.items() if step < facts["step"] - 1}
    kept = f"its last good checkpoint is {good[max(good)]}" if good else "it has no good checkpoint"
    return (
        f"training ({out.name}) stopped at step {facts['step']}, where {facts['what']} was not a "
        f"finite number; {kept}; the same recipe would come there again: lower the learning rate "
        "in another --run-dir (copy tasks, chains and pairs there to keep them), or remove "
        f"{out} to train this stage anew"
    )


def refuse_another_model(out: Path, model: str) -> None:
    """Note the model that the stage in `out` begins from.

    Raises CannotStart where the stage has a checkpoint and began from another.
    """
    now = {"model": model, "fingerprint": fingerprint(model)}
    noted = out / BEGAN
    before = json.loads(noted.read_text()) if noted.is_file() else now
    if checkpoints(out) and before["fingerprint"] != now["fingerprint"]:
        raise CannotStart(
            f"{out} holds a checkpoint of another model: it began from {before['model']}, and "
            f"{model} is not what that was; put that model back, or remove {out} to train "
            "this stage anew"
        )
    out.mkdir(parents=True, exist_ok=True)
    noted.write_text(json.dumps(now))


def fingerprint(model: str) -> str:
    """What tells a model folder from another: its configuration, and the size and both ends of its
    weights, as reading all would take minutes. A hub name stands for itself."""
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
    """Copy the weights of `checkpoint` to `best` if none before ordered more held-out pairs right;
    among equals, if none had a lower loss on them."""
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

"""`--from RUN_DIR`: a new run begins with the finished stages of another, linked, not copied.

A stage is taken if it is finished there and has the inputs that it would have here: so the same
chains serve runs with other pairs, or the same pairs runs with another learning rate.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline import tables
from pipeline.errors import CannotStart
from pipeline.generation.prepared import Run
from pipeline.run.inputs import Inputs, StageInputs, changed, in_words
from pipeline.run_dir import RunDir


def check_source(run: Run, source: Path) -> None:
    """Raise CannotStart if no stage of the run in `source` can be used."""
    other = RunDir(source)
    if run.recipe.train.rounds > 1:
        raise CannotStart("--from works with train.rounds=1")
    if tables.files(run.dir.chains) or tables.files(run.dir.tasks):
        raise CannotStart(f"--from is for a new run, and {run.dir.path} holds tasks or chains")
    facts = other.facts("generate")
    if facts.get("status") != "done" or "inputs" not in facts:
        raise CannotStart(f"{source} holds no finished stage generate to begin from")
    if names := changed(facts["inputs"], StageInputs(run).generate()):
        raise CannotStart(
            f"{in_words(names)} of this run and of {source} differ, so its chains cannot be used"
        )


def begin_from(run: Run, source: Path) -> None:
    """Link the stages of the run in `source` that this run would repeat."""
    other, inputs = RunDir(source), StageInputs(run)
    folders = {
        "generate": (other.chains, other.tasks, other.self_made),
        "pairs": (other.pairs,),
        "train": (other.path / "checkpoints", other.student),
    }
    now = {"generate": inputs.generate, "pairs": inputs.pairs, "train": inputs.train}
    taken = []
    for stage, places in folders.items():
        facts = other.facts(stage)
        if facts.get("status") != "done" or not _is_same(facts.get("inputs"), now[stage]()):
            break
        for place in places:
            _link(place, run.dir.path / place.relative_to(other.path))
        own = {key: value for key, value in facts.items() if key not in ("seconds", "usage")}
        run.dir.note(stage, **own | {"from": str(source)})
        taken.append(stage)
    print(f"from {source}: {', '.join(taken)}", file=sys.stderr)


def _is_same(there: Inputs | None, here: Inputs) -> bool:
    return there is not None and not changed(there, here)


def _link(source: Path, target: Path) -> None:
    """Link the files of a folder and its folders; evaluated and held-out tasks stay behind."""
    for file in _files(source):
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, place)
        except OSError:  # on another file system
            place.symlink_to(file.resolve())


def _files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and inside[0] not in ("evaluation", "heldout"):
            yield path

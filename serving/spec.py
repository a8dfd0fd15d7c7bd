"""What is served: a model, the name that clients call it, and the recipe that says the rest.

Not here: starting anything (`serving.app`).
"""

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
MOST_VARIABLE = "APPRENTICE_MAX_BODY_BYTES"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Spec:
    """What a service is made of; plain data, so it travels to any node."""

    name: str  # what clients call the model
    model: str  # a folder or a hub name
    recipe: Recipe


def read_spec(source: str, overrides: Iterable[str] = ()) -> Spec:
    """The spec of a run directory, of a model folder, of a hub name, or of `pocket`.

    A run directory, or a model folder inside one, brings its recipe; any other model is served with
    the defaults (of recipe `pocket` for `pocket`), which `overrides` (dotted key=value) change.
    Raises CannotStart or RecipeError, one sentence, for what cannot be served.
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
    if path.is_dir() and (run := _run_around(path.resolve())):
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
    """The bearer keys that are accepted: lines of `serving.key_file`, else APPRENTICE_API_KEY.

    Raises CannotStart for a file without keys.
    """
    return keys_of(spec.recipe.serving.key_file)


def keys_of(file: str | None) -> tuple[str, ...]:
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
        raise CannotStart(f"serving.key_file {file} holds no key; write one on a line of its own")
    return keys


def toolsets_by_name(toolset: str) -> dict[str, Toolset]:
    """The parts of a toolset's name, such as "arithmetic[add]+my_tools:toolset", each by its own
    name without the selection; raises toolsets.ToolsetError."""
    found: dict[str, Toolset] = {}
    for part in toolset.split("+"):
        name = part.partition("[")[0].strip()
        found[name] = found[name] + load_toolset(part) if name in found else load_toolset(part)
    return found


def check_exposure(spec: Spec) -> None:
    """Raise CannotStart where the service would be open to other machines without a key."""
    host = spec.recipe.serving.host
    if host not in LOOPBACK and not read_keys(spec):
        raise CannotStart(
            f"serving.host {host} answers other machines, which needs a bearer key: set "
            f"{KEY_VARIABLE}, or serving.key_file to a file of keys, one a line"
        )


def _run_around(path: Path) -> Path | None:
    """The run directory that `path` lies in, such as RUN_DIR of RUN_DIR/checkpoints/sft/model."""
    return next((parent for parent in path.parents if (parent / "run.json").is_file()), None)


def _recipe_of(run_dir: Path, overrides: Iterable[str]) -> Recipe:
    where = run_dir / "run.json"
    try:
        recipe = json.loads(where.read_text())["recipe"]
    except (ValueError, KeyError, TypeError) as error:
        raise CannotStart(f"{where} is not a run's record: {error}") from None
    return changed(recipe, overrides, str(where))


def _spec(recipe: Recipe, model: str, name: str) -> Spec:
    return Spec(recipe.serving.model_name or name, model, recipe)

"""Resolves a recipe's model (`pocket`, a folder, or a hub name) to a folder or hub name.

A model at an endpoint has a name there and no folder.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import CannotStart
from pipeline.pocket import models as pocket
from pipeline.recipe.models import Model

WEIGHTS = ("*.safetensors", "*.bin")


def locate(model: Model, role: str) -> str:
    """The model argument of an engine: `resolve`, or the unchanged name of a model at an
    endpoint."""
    return model.model if model.is_remote else resolve(model.model, role)


def resolve(model: str, role: str) -> str:
    """The folder or hub name of `model`; `pocket` is the pocket model of this role.

    Raises CannotStart for a folder without a model, or a name that is no hub name.
    """
    if model == "pocket":
        pocket.check(role)
        return str(pocket.folder(role))
    path = Path(model).expanduser()
    if path.exists():
        _check_folder(path, role)
        return str(path.resolve())
    if model.startswith(("/", ".", "~")) or model.count("/") != 1:
        raise CannotStart(
            f"{role}.model {model!r} is neither pocket, nor a folder, nor a hub name (owner/name)"
        )
    return model


def revision(name: str) -> str:
    """The commit of the hub model `name` in the local cache; `unknown` if it is not there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(name, "config.json")
    except HFValidationError:  # the name of a model at an endpoint
        return "unknown"
    return Path(cached).parent.name if isinstance(cached, str) else "unknown"


def _check_folder(path: Path, role: str) -> None:
    if not (path / "config.json").is_file():
        raise CannotStart(f"{role}.model {path} is not a model folder: it has no config.json")
    if not any(next(path.glob(pattern), None) for pattern in WEIGHTS):
        raise CannotStart(f"{role}.model {path} is not a model folder: it has no weights")
    if not (path / "tokenizer_config.json").is_file():
        raise CannotStart(f"{role}.model {path} is not a model folder: it has no tokenizer")

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.engine.model_paths import resolve
from pipeline.errors import CannotStart
from pipeline.pocket.models import folder


def _copy(tmp_path: Path, *without: str) -> Path:
    """A copy of the pocket student's small files, with an empty file of weights."""
    model = tmp_path / "model"
    model.mkdir()
    for file in folder("student").iterdir():
        if file.suffix == ".json":
            shutil.copy(file, model)
    (model / "model.safetensors").write_bytes(b"")
    for name in without:
        (model / name).unlink()
    return model


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_pocket_is_the_pocket_model_of_its_role(role: str) -> None:
    assert resolve("pocket", role) == str(folder(role))


def test_a_hub_name_is_returned_unchanged() -> None:
    assert resolve("Qwen/Qwen2.5-7B-Instruct", "student") == "Qwen/Qwen2.5-7B-Instruct"


def test_a_folder_is_made_absolute(tmp_path: Path) -> None:
    model = _copy(tmp_path)
    assert resolve(f"{model}/../model", "teacher") == str(model)


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ("config.json", "config.json"),
        ("model.safetensors", "weights"),
        ("tokenizer_config.json", "tokenizer"),
    ],
)
def test_an_incomplete_model_folder_is_refused_with_the_missing_part(
    missing: str, name: str, tmp_path: Path
) -> None:
    model = _copy(tmp_path, missing)
    with pytest.raises(CannotStart) as raised:
        resolve(str(model), "teacher")
    assert str(raised.value) == f"teacher.model {model} is not a model folder: it has no {name}"


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "~/nowhere", "gpt2", "a/b/c"])
def test_a_name_that_is_neither_folder_nor_hub_name_is_refused(name: str) -> None:
    with pytest.raises(CannotStart) as raised:
        resolve(name, "student")
    assert str(raised.value) == (
        f"student.model {name!r} is neither pocket, nor a folder, nor a hub name (owner/name)"
    )

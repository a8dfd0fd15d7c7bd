from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.engine.model_paths import resolve
from pipeline.errors import CannotStart
from pipeline.pocket.models import folder


def _copy(tmp_path: Path, *without: str) -> Path:
    """The small files of the pocket student, and weights that are none."""
    own = tmp_path / "model"
    own.mkdir()
    for file in folder("student").iterdir():
        if file.suffix == ".json":
            shutil.copy(file, own)
    (own / "model.safetensors").write_bytes(b"")
    for name in without:
        (own / name).unlink()
    return own


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_pocket_is_the_pocket_model_of_its_role(role: str) -> None:
    assert resolve("pocket", role) == str(folder(role))


def test_a_hub_name_stays_as_it_is() -> None:
    assert resolve("Qwen/Qwen2.5-7B-Instruct", "student") == "Qwen/Qwen2.5-7B-Instruct"


def test_a_folder_is_made_absolute(tmp_path: Path) -> None:
    own = _copy(tmp_path)
    assert resolve(f"{own}/../model", "teacher") == str(own)


@pytest.mark.parametrize(
    ("missing", "what"),
    [
        ("config.json", "config.json"),
        ("model.safetensors", "weights"),
        ("tokenizer_config.json", "tokenizer"),
    ],
)
def test_a_folder_that_is_no_model_says_what_it_lacks(
    missing: str, what: str, tmp_path: Path
) -> None:
    own = _copy(tmp_path, missing)
    with pytest.raises(CannotStart) as raised:
        resolve(str(own), "teacher")
    assert str(raised.value) == f"teacher.model {own} is not a model folder: it has no {what}"


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "~/nowhere", "gpt2", "a/b/c"])
def test_what_is_neither_folder_nor_hub_name_is_refused(name: str) -> None:
    with pytest.raises(CannotStart) as raised:
        resolve(name, "student")
    assert str(raised.value) == (
        f"student.model {name!r} is neither pocket, nor a folder, nor a hub name (owner/name)"
    )

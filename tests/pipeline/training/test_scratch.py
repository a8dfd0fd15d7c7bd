"""Folders of training workers: gone when these end, and when they are killed, with the next one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.training.scratch import scratch
from tests.conftest import ROOT

OWNER = """
from pipeline.training.scratch import scratch
with scratch() as folder:
    (folder / "checkpoint").write_text("large")
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders lie, for this process and those that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # else it remembers an earlier one
    return tmp_path


@pytest.fixture
def owner(place: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process, and its folder."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_nothing_stays_when_it_ends(place: Path) -> None:
    with scratch() as folder:
        (folder / "checkpoint").write_text("large")
    assert list(place.iterdir()) == []


def test_the_next_one_removes_what_a_killed_process_left(
    place: Path, owner: tuple[subprocess.Popen[str], Path]
) -> None:
    process, left = owner
    process.kill()
    process.wait()
    assert (left / "checkpoint").is_file()
    with scratch() as folder:
        assert list(place.iterdir()) == [folder]


def test_the_folder_of_a_living_process_stays(
    place: Path, owner: tuple[subprocess.Popen[str], Path]
) -> None:
    _, theirs = owner
    with scratch() as folder:
        assert set(place.iterdir()) == {folder, theirs}
        assert (theirs / "checkpoint").is_file()


def test_a_folder_that_is_not_of_these_stays(place: Path) -> None:
    (place / "apprentice-train-notes").mkdir()
    with scratch() as folder:
        assert set(place.iterdir()) == {folder, place / "apprentice-train-notes"}

"""Folders of training workers: removed at the end of the worker; after a kill, by the next one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.training.local_scratch import scratch
from tests.conftest import ROOT

OWNER = """
import sys
from pathlib import Path
from pipeline.training.local_scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "checkpoint").write_text("large")
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process, and its folder."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, tmp_path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_the_folder_is_removed_at_the_end(tmp_path: Path) -> None:
    with scratch(tmp_path) as folder:
        (folder / "checkpoint").write_text("large")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next_one(
    tmp_path: Path, owner: tuple[subprocess.Popen[str], Path]
) -> None:
    process, theirs = owner
    process.kill()
    process.wait()
    assert (theirs / "checkpoint").is_file()
    with scratch(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_the_folder_of_a_living_process_is_not_removed(
    tmp_path: Path, owner: tuple[subprocess.Popen[str], Path]
) -> None:
    _, theirs = owner
    with scratch(tmp_path) as folder:
        assert set(tmp_path.iterdir()) == {folder, theirs}
        assert (theirs / "checkpoint").is_file()


def test_a_folder_without_a_lock_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "apprentice-train-notes").mkdir()
    with scratch(tmp_path) as folder:
        assert set(tmp_path.iterdir()) == {folder, tmp_path / "apprentice-train-notes"}

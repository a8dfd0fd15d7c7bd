"""cluster.storage: a mark that the driver leaves, looked for on nodes with disks of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.storage import StorageError, check, marked, try_folder
from tests.conftest import ROOT
from tests.raylets import can_hide_folders, raylets

LOOK = """
import sys
from pathlib import Path
from cluster.session import connect
from cluster.storage import StorageError, try_folder
with connect(Path()):
    try:
        try_folder(Path(sys.argv[1]))
        print("reached")
    except StorageError as error:
        print(error)
"""


def test_a_machine_that_sees_the_mark_passes(tmp_path: Path) -> None:
    with marked(tmp_path / "new" / "folder") as mark:
        check(mark)


def test_a_folder_of_the_same_name_without_the_mark_is_not_reached(tmp_path: Path) -> None:
    with marked(tmp_path) as mark:
        elsewhere = tmp_path / "other-machine"
        elsewhere.mkdir()
        with pytest.raises(StorageError) as raised:
            check(str(elsewhere / Path(mark).name))
    said = str(raised.value)
    assert os.uname().nodename in said
    assert f"does not reach {elsewhere}" in said
    assert "--run-dir" in said


def test_the_mark_goes_when_the_work_is_done(tmp_path: Path) -> None:
    with marked(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_only_tried_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    try_folder(tmp_path / "there")
    try_folder(tmp_path / "there" / "new" / "deep")
    assert [str(path) for path in tmp_path.rglob("*")] == [str(tmp_path / "there")]


def test_a_folder_that_cannot_be_written_is_named_with_machine_and_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as raised:
        try_folder(tmp_path / "file" / "run")
    assert str(raised.value) == (
        f"--run-dir {tmp_path}/file/run cannot be written on {os.uname().nodename}: Not a directory"
    )


def test_marks_of_drivers_that_were_killed_are_cleared_away(tmp_path: Path) -> None:
    with marked(tmp_path) as first:
        pass
    Path(first).touch()
    with marked(tmp_path) as second:
        assert [str(path) for path in tmp_path.iterdir()] == [second]


def test_each_mark_has_a_name_of_its_own(tmp_path: Path) -> None:
    with marked(tmp_path) as first, marked(tmp_path) as second:
        assert first != second


@pytest.mark.ray
def test_a_node_with_a_disk_of_its_own_is_named(tmp_path: Path) -> None:
    if not can_hide_folders():
        pytest.skip("this machine lets no process have a disk of its own (unshare --mount)")
    runs = tmp_path / "runs"
    runs.mkdir()
    with raylets() as cluster:

        def look() -> str:
            done = subprocess.run(
                [sys.executable, "-c", LOOK, str(runs / "pocket")],
                cwd=ROOT,
                env=cluster.environment(),
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
            return done.stdout

        cluster.add("good", cpus=1)
        assert look() == "reached\n"
        cluster.add("blind", cpus=1, without=runs)
        assert f"does not reach {runs / 'pocket'}" in look()
        assert list(runs.iterdir()) == []

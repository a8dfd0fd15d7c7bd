"""cluster.storage: the driver's mark file, checked on nodes with and without a shared disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.storage import StorageError, check, check_folder, marked
from tests.conftest import ROOT
from tests.raylets import can_hide_folders, raylets

LOOK = """
import sys
from pathlib import Path
from cluster.session import connect
from cluster.storage import StorageError, check_folder
with connect(Path()):
    try:
        check_folder(Path(sys.argv[1]))
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
    message = str(raised.value)
    assert os.uname().nodename in message
    assert f"does not reach {elsewhere}" in message
    assert "--run-dir" in message


def test_the_mark_is_removed_at_the_end(tmp_path: Path) -> None:
    with marked(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_checking_a_folder_leaves_no_files(tmp_path: Path) -> None:
    (tmp_path / "existing").mkdir()
    check_folder(tmp_path / "existing")
    check_folder(tmp_path / "existing" / "new" / "deep")
    assert [str(path) for path in tmp_path.rglob("*")] == [str(tmp_path / "existing")]


def test_an_unwritable_folder_is_reported_with_machine_and_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as raised:
        check_folder(tmp_path / "file" / "run")
    assert str(raised.value) == (
        f"--run-dir {tmp_path}/file/run cannot be written on {os.uname().nodename}: Not a directory"
    )


def test_marks_of_killed_drivers_are_removed(tmp_path: Path) -> None:
    with marked(tmp_path) as first:
        pass
    Path(first).touch()
    with marked(tmp_path) as second:
        assert [str(path) for path in tmp_path.iterdir()] == [second]


def test_each_mark_has_a_different_name(tmp_path: Path) -> None:
    with marked(tmp_path) as first, marked(tmp_path) as second:
        assert first != second


@pytest.mark.ray
@pytest.mark.slow
def test_a_node_without_the_shared_disk_is_named(tmp_path: Path) -> None:
    if not can_hide_folders():
        pytest.skip("this machine does not allow unshare --mount")
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

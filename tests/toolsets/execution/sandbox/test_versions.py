"""The sandbox on kernels with each version of Landlock, and with none.

The kernel here plays the older ones: it gets the rules of the older interface only.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from toolsets.execution.sandbox import confinement

ATTACK = """
import json, os, sys
from pathlib import Path
from tests.toolsets.execution.attacks import files, network, system_calls
from toolsets.execution.sandbox.confinement import confine

version, folder, out = int(sys.argv[1]), Path(sys.argv[2]), os.dup(1)
attempts = {name: lambda run=run: run(folder) for name, run in files.ATTEMPTS.items()}
attempts |= network.ATTEMPTS | system_calls.ATTEMPTS
skipped = {*files.HARMLESS, *files.LIMITED} | {*(files.READS if version == 0 else ())}
unblocked, done = confine(version), []
for name in attempts.keys() - skipped - {"fetch a file"}:
    try:
        attempts[name]()
    except Exception:
        continue
    done.append(name)
os.write(out, json.dumps([unblocked, done]).encode())
"""
WORK = """
import asyncio, json, os, subprocess, sys, tempfile, threading, time
from toolsets.execution.sandbox.confinement import confine

out = os.dup(1)
confine(int(sys.argv[1]))
import z3, numpy, sympy
numpy.linalg.inv(numpy.eye(50))
solver = z3.Solver()
solver.add(z3.Int("x") > 3)
done = [str(solver.check()), str(sympy.integrate("x")), asyncio.run(asyncio.to_thread(str, 1))]
thread = threading.Thread(target=time.sleep, args=(0.01,))
thread.start(), thread.join()
try:
    subprocess.run([sys.executable, "-c", "0"])
except PermissionError:
    done.append("no program")
os.write(out, " ".join(done).encode())
"""


def available() -> int:
    return ctypes.CDLL(None).syscall(444, None, 0, 1)


def skip_unless_available(version: int) -> None:
    if sys.platform != "linux" or version > max(0, available()):
        pytest.skip(f"this kernel has no Landlock {version}")


@pytest.mark.parametrize("version", range(8))
def test_every_attack_fails_with_every_version_of_landlock(version: int, tmp_path: Path) -> None:
    skip_unless_available(version)
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_rsa").write_text("secret")
    command = [sys.executable, "-c", ATTACK, str(version), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    unblocked = '["reading files"]' if version == 0 else "[]"
    assert done.stdout == f"[{unblocked}, []]"
    assert sorted(p.name for p in tmp_path.rglob("*")) == [".ssh", "id_rsa", "precious"]
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("version", [0, 1, 7])
def test_libraries_threads_and_event_loops_work(version: int) -> None:
    skip_unless_available(version)
    command = [sys.executable, "-c", WORK, str(version)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "sat x**2/2 1 no program"


@pytest.mark.parametrize(
    ("version", "filtered", "expected"),
    [
        (7, True, []),
        (1, True, []),
        (0, True, ["reading files"]),
        (7, False, ["the network", "other processes"]),
        (3, False, ["the network", "other processes"]),
        (2, False, ["truncating files", "the network", "other processes"]),
        (
            0,
            False,
            *[["reading files", "changing files", "running programs"]],
        ),
    ],
)
def test_what_is_not_blocked_is_named(version: int, filtered: bool, expected: list[str]) -> None:
    named = confinement.unblocked(version, filtered)
    assert named[: len(expected)] == expected
    assert ("the network" in named) == (not filtered)

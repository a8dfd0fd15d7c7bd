"""The runner of the benchmarks, not the benchmarks themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.benchmarks import BENCHMARKS, Result, find
from tests.conftest import ROOT

RUN_NOISY = """
import sys
from tests.benchmarks.__main__ import main
sys.exit(main([], {"noisy": "tests.test_benchmarks:noisy"}))
"""


def noisy() -> Result:
    """A benchmark that prints from Python and directly to file descriptor 1."""
    print("hello")
    os.write(1, b"hello from below\n")
    return Result(value=2.0, unit="ratio", baseline="nothing", n=1, detail={"cpus": 2})


def test_every_registered_benchmark_can_be_found() -> None:
    assert all(callable(find(place)) for place in BENCHMARKS.values())


def test_standard_output_is_one_json_object_per_line_and_nothing_else() -> None:
    done = _python("-c", RUN_NOISY)
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "benchmark": "noisy",
            "value": 2.0,
            "unit": "ratio",
            "baseline": "nothing",
            "n": 1,
            "detail": {"cpus": 2},
        }
    ]
    assert "hello from below" in done.stderr


def test_an_unknown_name_is_refused_naming_the_nearest() -> None:
    done = _python("-m", "tests.benchmarks", "executor_calls")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "did you mean executor_calls_per_second?" in done.stderr


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

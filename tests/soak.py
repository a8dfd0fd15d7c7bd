"""The long tests in parts, to run some of them in a limited time.

    python -m tests.soak                          every part
    python -m tests.soak chaos million            these parts
    python -m tests.soak --seconds 1500 --seed X  parts that fit the time, in the order drawn by X

Exit codes: 0 no part failed; 1 a part failed; 2 unknown part.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.conftest import ROOT

DAY = 86_400.0  # seconds; an infinite timeout is not allowed


@dataclass(frozen=True, slots=True)
class Part:
    """Test files that run together; usual duration on two cores in seconds."""

    seconds: int
    files: tuple[str, ...]


PARTS = {
    "chaos": Part(1200, ("tests/pipeline/generation/test_chaos.py",)),
    "cluster": Part(480, ("tests/cluster/test_storage.py", "tests/cluster/test_whole_job.py")),
    "survival": Part(180, ("tests/pipeline/run/test_survival.py",)),
    "generation": Part(
        480,
        (
            "tests/pipeline/generation/test_corrected_run.py",
            "tests/pipeline/generation/test_spread_engine.py",
            "tests/pipeline/generation/test_structured_run.py",
            "tests/pipeline/generation/test_synthetic_stage.py",
            "tests/pipeline/run/test_dry_run.py",
        ),
    ),
    "endpoint": Part(
        600,
        (
            "tests/pipeline/generation/test_endpoint_run.py",
            "tests/pipeline/generation/test_outage_run.py",
            "tests/serving/test_teacher.py",
        ),
    ),
    "gsm8k": Part(540, ("tests/pipeline/run/test_gsm8k_run.py",)),
    "million": Part(840, ("tests/pipeline/test_million.py",)),
    "pocket": Part(60, ("tests/pipeline/problems/pocket/test_logic.py",)),
    "rounds": Part(
        780, ("tests/pipeline/run/test_rounds_run.py", "tests/pipeline/run/test_schedule.py")
    ),
    "serving": Part(
        420,
        (
            "tests/serving/test_accuracy.py",
            "tests/serving/test_config.py",
            "tests/serving/test_up.py",
        ),
    ),
    "training": Part(
        780, ("tests/pipeline/training/test_elastic.py", "tests/pipeline/training/test_grid.py")
    ),
    "verdicts": Part(60, ("tests/pipeline/agent/verdict/test_golds.py",)),
    "workers": Part(60, ("tests/toolsets/execution/test_leak.py",)),
}


def choose(seed: str, seconds: float) -> list[str]:
    """Names of parts, in an order drawn by `seed`, whose usual durations fit into `seconds`."""
    names = sorted(PARTS)
    random.Random(seed).shuffle(names)
    chosen = []
    for name in names:
        if PARTS[name].seconds <= seconds:
            seconds -= PARTS[name].seconds
            chosen.append(name)
    return chosen


def run(names: Sequence[str], seconds: float) -> int:
    """Run parts one after the other and print their results; returns the exit code.

    `seconds` limits all parts together; a part stopped by the limit is neither passed nor failed.
    """
    end, results = time.monotonic() + seconds, {}
    for name in names:
        started = time.monotonic()
        results[name] = _run_part(PARTS[name], end - started)
        print(f"soak: {name} {results[name]} in {time.monotonic() - started:.0f} s", flush=True)
    left_out = sorted(PARTS.keys() - results.keys())
    ended = ", ".join(f"{name} {result}" for name, result in results.items())
    print(f"soak: {ended or 'no part fits the time'}; not run: {', '.join(left_out) or 'none'}")
    return int("failed" in results.values())


def _run_part(part: Part, seconds: float) -> str:
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-m", "slow", *part.files], cwd=ROOT
    )
    try:
        return "passed" if process.wait(min(seconds, DAY)) == 0 else "failed"
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # so that fixtures end their processes
        _wait(process)
        return "stopped by the time limit"
    except KeyboardInterrupt:
        _wait(process)
        raise


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the long tests."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Run the long tests in parts."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"known: {', '.join(PARTS)}")
    parser.add_argument("--seconds", type=float, help="time limit for all parts together")
    parser.add_argument("--seed", help="order of the parts; with --seconds: parts that fit")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.parts if name not in PARTS]:
        print(f"error: no part {unknown[0]!r}; known: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    limit = asked.seconds if asked.seconds is not None else float("inf")
    names = asked.parts or (choose(asked.seed, limit) if asked.seed else list(PARTS))
    print(f"soak: {', '.join(names) or 'no part'}", flush=True)
    return run(names, limit)


if __name__ == "__main__":
    sys.exit(main())

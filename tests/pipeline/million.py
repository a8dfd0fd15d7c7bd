"""Measures a run of many tasks: the driver's memory and the number of chains, every second.

    python -m tests.pipeline.million [--samples N …]     chains of 10,000 problems; docs/scale.svg

Engines reply immediately, so only the pipeline takes time. The driver is killed half-way, and the
same command makes the remaining chains.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline import tables
from pipeline.generation.blocks import rows_in
from tests.conftest import ROOT
from tests.pipeline.cli import environment
from tests.pipeline.generation.simulated import command, write_recipe

PROBLEMS = 10_000
ENGINE = {"max_num_seqs": 256, "answers": 1}
POOL = {"actors_min": 2, "actors_max": 2, "engine_cpus": 0.5, "chains_in_flight": 512}
PLOT = ROOT / "docs" / "scale.svg"
EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A measurement: seconds since the start, chains in files, memory of the driver in MiB."""

    seconds: float
    chains: int
    mib: float


def measure(place: Path, samples: int, interrupted: bool) -> list[Moment]:
    """Make `samples` chains of each problem in `place`/run; if `interrupted`, the driver is killed
    half-way and restarted."""
    recipe = write_recipe(place, PROBLEMS, samples, ENGINE, POOL)
    moments: list[Moment] = []
    if interrupted:
        _run(recipe, place, moments, PROBLEMS * samples // 2)
    _run(recipe, place, moments, None)
    return moments


def draw(runs: Sequence[Sequence[Moment]]) -> None:
    """Plot chains over time and memory over chains, one line per run, to docs/scale.svg."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "scale"  # for a deterministic file
    from matplotlib import pyplot

    figure, (made, memory) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for moments in runs:
        name = f"{moments[-1].chains:,} tasks"
        chains = [moment.chains for moment in moments]
        made.plot([moment.seconds / 60 for moment in moments], chains, label=name)
        memory.plot(chains, [moment.mib for moment in moments], label=name)
    made.set(xlabel="minutes, the driver killed half-way", ylabel="chains in files")
    memory.set(xlabel="chains in files", ylabel="driver, MiB", ylim=(0, None))
    made.legend()
    for axes in (made, memory):
        axes.grid(alpha=0.3)
        axes.set_xlim(0, None)
    figure.savefig(PLOT, metadata={"Date": None})


def report(moments: Sequence[Moment]) -> str:
    """One line of numbers: chains per second early and late, peak memory."""
    total = moments[-1].chains
    early, late = (_rate(moments, total * start, total * (start + 0.2)) for start in (0.05, 0.75))
    return (
        f"{total:,} chains in {moments[-1].seconds:.0f} s; {early:.0f} per second early, "
        f"{late:.0f} late; peak memory of the driver {peak(moments):.0f} MiB"
    )


def peak(moments: Sequence[Moment]) -> float:
    """Peak memory of the driver, MiB."""
    return max(moment.mib for moment in moments)


def _run(recipe: Path, place: Path, moments: list[Moment], until: int | None) -> None:
    """Run to the end, or until `until` chains exist, and append to `moments`."""
    counted: dict[str, int] = {}
    started = time.monotonic() - (moments[-1].seconds if moments else 0.0)
    log = place / "log"
    with log.open("ab") as out:
        driver = subprocess.Popen(
            command(recipe, place / "run"), cwd=ROOT, env=environment(), stdout=out, stderr=out
        )
    process = psutil.Process(driver.pid)
    try:
        while driver.poll() is None:
            mib = process.memory_info().rss / 2**20
            moments.append(Moment(time.monotonic() - started, _chains(place, counted), mib))
            if until is not None and moments[-1].chains >= until:
                return
            time.sleep(EVERY_SECONDS)
        if driver.returncode:
            raise RuntimeError(log.read_text()[-3000:])
    finally:
        driver.kill()
        driver.wait()


def _chains(place: Path, counted: dict[str, int]) -> int:
    """Number of chains in the files of a run; a file is complete as soon as it exists."""
    for path in tables.files(place / "run" / "chains"):
        if path.name not in counted:
            counted[path.name] = rows_in(path)
    return sum(counted.values())


def _rate(moments: Sequence[Moment], start: float, end: float) -> float:
    """Chains per second between two counts of chains."""
    first, last = (next(m for m in moments if m.chains >= count) for count in (start, end))
    return (last.chains - first.chains) / max(last.seconds - first.seconds, EVERY_SECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one run for each number of samples per problem; print and plot the runs."""
    parser = argparse.ArgumentParser(prog="python -m tests.pipeline.million")
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 10, 100])
    runs = []
    for samples in parser.parse_args(arguments).samples:
        with tempfile.TemporaryDirectory() as scratch:
            runs.append(measure(Path(scratch), samples, interrupted=True))
        print(report(runs[-1]), flush=True)
    draw(runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A run of many tasks, watched: the driver's memory and the chains, second by second.

    python -m tests.pipeline.million [--samples N …]     chains of 10,000 problems; docs/scale.svg

Engines answer at once, so that what is seen is ours. The driver is killed half-way and the same
command makes the rest.
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
class Seen:
    """A moment of a run: seconds since it began, chains in files, MiB of the driver's process."""

    seconds: float
    chains: int
    mib: float


def watched(place: Path, samples: int, interrupted: bool) -> list[Seen]:
    """Make `samples` chains of each problem, into `place`/run; `interrupted`: the driver is killed
    half-way."""
    recipe = write_recipe(place, PROBLEMS, samples, ENGINE, POOL)
    seen: list[Seen] = []
    if interrupted:
        _run(recipe, place, seen, PROBLEMS * samples // 2)
    _run(recipe, place, seen, None)
    return seen


def _run(recipe: Path, place: Path, seen: list[Seen], until: int | None) -> None:
    """Run to the end, or until there are so many chains."""
    counted: dict[str, int] = {}
    started = time.monotonic() - (seen[-1].seconds if seen else 0.0)
    log = place / "log"
    with log.open("ab") as out:
        driver = subprocess.Popen(
            command(recipe, place / "run"), cwd=ROOT, env=environment(), stdout=out, stderr=out
        )
    process = psutil.Process(driver.pid)
    try:
        while driver.poll() is None:
            mib = process.memory_info().rss / 2**20
            seen.append(Seen(time.monotonic() - started, _chains(place, counted), mib))
            if until is not None and seen[-1].chains >= until:
                return
            time.sleep(EVERY_SECONDS)
        if driver.returncode:
            raise RuntimeError(log.read_text()[-3000:])
    finally:
        driver.kill()
        driver.wait()


def _chains(place: Path, counted: dict[str, int]) -> int:
    """Chains in the files of a run; a file has all its rows once it is there."""
    for path in tables.files(place / "run" / "chains"):
        if path.name not in counted:
            counted[path.name] = rows_in(path)
    return sum(counted.values())


def draw(runs: Sequence[Sequence[Seen]]) -> None:
    """Chains over time and memory over chains, a line per run, into docs/scale.svg."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "scale"  # the same numbers, the same file
    from matplotlib import pyplot

    figure, (made, memory) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for seen in runs:
        name = f"{seen[-1].chains:,} tasks"
        chains = [moment.chains for moment in seen]
        made.plot([moment.seconds / 60 for moment in seen], chains, label=name)
        memory.plot(chains, [moment.mib for moment in seen], label=name)
    made.set(xlabel="minutes, the driver killed half-way", ylabel="chains in files")
    memory.set(xlabel="chains in files", ylabel="driver, MiB", ylim=(0, None))
    made.legend()
    for axes in (made, memory):
        axes.grid(alpha=0.3)
        axes.set_xlim(0, None)
    figure.savefig(PLOT, metadata={"Date": None})


def told(seen: Sequence[Seen]) -> str:
    """One line of numbers: chains per second early and late, peak memory."""
    total = seen[-1].chains
    early, late = (_rate(seen, total * start, total * (start + 0.2)) for start in (0.05, 0.75))
    return (
        f"{total:,} chains in {seen[-1].seconds:.0f} s; {early:.0f} a second early, {late:.0f} "
        f"late; driver {peak(seen):.0f} MiB at most"
    )


def _rate(seen: Sequence[Seen], start: float, end: float) -> float:
    """Chains per second between two counts of chains."""
    first, last = (next(m for m in seen if m.chains >= count) for count in (start, end))
    return (last.chains - first.chains) / max(last.seconds - first.seconds, EVERY_SECONDS)


def peak(seen: Sequence[Seen]) -> float:
    """The most memory that the driver had, MiB."""
    return max(moment.mib for moment in seen)


def main(arguments: Sequence[str] | None = None) -> int:
    """Watch runs of so many samples of each problem, print and plot them."""
    parser = argparse.ArgumentParser(prog="python -m tests.pipeline.million")
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 10, 100])
    runs = []
    for samples in parser.parse_args(arguments).samples:
        with tempfile.TemporaryDirectory() as scratch:
            runs.append(watched(Path(scratch), samples, interrupted=True))
        print(told(runs[-1]), flush=True)
    draw(runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())

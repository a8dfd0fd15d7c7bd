"""Generation with many engine actors: 64 on a cluster of several nodes against 64 times one.

The engines are simulated (`tests.pipeline.generation.simulated`): they take vLLM's measured time
(`profile`) for replies as long as those of `rollouts`, but use no CPU. The benchmark measures Ray
Data's pool, the agents, the function workers and the files. Rates are chains per second while all
engines work.

Not covered: the start of engines, and the end, when some engines have no work left.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from pipeline import tables
from pipeline.generation.blocks import rows_in
from tests.benchmarks import Result, log
from tests.benchmarks.profile import recorded
from tests.benchmarks.rollouts import workload
from tests.conftest import ROOT
from tests.pipeline.generation.simulated import command, write_recipe
from tests.raylets import Raylets, raylets

ACTORS, NODES = 64, 4
WINDOW, WINDOWS = 12.0, 5  # seconds, and number of measured windows
START_SECONDS = 500  # time limit for all actors to start work
SETTLE_SECONDS = 30.0  # until chains that started together end at different times
CHAINS_PER_SECOND = 6  # assumed per actor, to plan enough work
SAMPLES = 50  # per problem


def sixty_four_actors() -> Result:
    """Chains per second of 64 actors / (64 times those of one)."""
    rates: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch, raylets() as cluster:
        for node in range(NODES):
            cluster.add(f"node-{node}", cpus=ACTORS // NODES)
        for actors in (1, ACTORS):
            rates[actors] = _rates(cluster, Path(scratch) / str(actors), actors)
            log(f"  {actors} actors: {statistics.mean(rates[actors]):.1f} chains per second")
    one, many = (statistics.mean(rates[actors]) for actors in (1, ACTORS))
    detail = {
        "chains_per_second_of_one": round(one, 2),
        f"chains_per_second_of_{ACTORS}": round(many, 1),
        "lowest_window": round(min(rates[ACTORS]) / (ACTORS * one), 3),
        "highest_window": round(max(rates[ACTORS]) / (ACTORS * one), 3),
        "nodes": NODES,
        "engine": recorded(),
    }
    efficiency = many / (ACTORS * one)
    return Result(round(efficiency, 3), "ratio", f"{ACTORS} times one actor", WINDOWS, detail)


def _rates(cluster: Raylets, place: Path, actors: int) -> list[float]:
    """Chains per second in each window, while all actors work."""
    seconds = START_SECONDS + SETTLE_SECONDS + WINDOW * WINDOWS
    problems = int(CHAINS_PER_SECOND * actors * seconds / SAMPLES) + 1
    pool = {"actors_min": actors, "actors_max": actors, "batch_tasks": 16}
    chains = workload()
    lengths = [tokens for replies in chains for tokens in replies]
    engine = recorded() | {"lengths": lengths, "answers": len(chains) / len(lengths)}
    recipe = write_recipe(place, problems, SAMPLES, engine, pool)
    log_file = place / "log"
    with log_file.open("wb") as out:
        driver = subprocess.Popen(
            command(recipe, place / "run"),
            cwd=ROOT,
            env=cluster.environment(),
            stdout=out,
            stderr=out,
        )
    try:
        _wait_for_all(place / "run" / "chains", log_file, actors, driver)
        time.sleep(SETTLE_SECONDS)
        return [_rate(place / "run" / "chains") for _ in range(WINDOWS)]
    finally:
        driver.kill()
        driver.wait()


def _wait_for_all(
    chains: Path, log_file: Path, actors: int, driver: subprocess.Popen[bytes]
) -> None:
    """Wait until every actor has made a block, as printed in the live line."""
    until = time.monotonic() + START_SECONDS
    while not (f"{actors} engines" in log_file.read_text() if actors > 1 else tables.files(chains)):
        if driver.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"not {actors} actors: {log_file.read_text()[-3000:]}")
        time.sleep(0.5)


def _rate(chains: Path) -> float:
    started, before = time.monotonic(), set(tables.files(chains))
    time.sleep(WINDOW)
    fresh = set(tables.files(chains)) - before
    seconds = time.monotonic() - started
    return sum(map(rows_in, fresh)) / seconds

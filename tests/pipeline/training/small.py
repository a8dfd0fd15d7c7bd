"""Small trainings for tests: pairs of pocket problems, and several trainings on one Ray.

Run as a program, it trains each of a list of cases; a separate process, as Ray leaves state behind.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline import tables
from pipeline.agent.prompt import render
from pipeline.pocket.models import dialect
from pipeline.problems.pocket.world import problems
from pipeline.problems.reference.chain import reference_chain
from pipeline.training.monitoring import read_metrics, steps
from tests.conftest import ROOT
from tests.pipeline.cli import environment


@dataclass(frozen=True)
class Case:
    """A training of the pocket student: run directory, and overrides of the pocket recipe."""

    run_dir: str
    overrides: tuple[str, ...]

    def curve(self, stage: str = "dpo") -> list[dict[str, Any]]:
        """The metrics of each optimizer step."""
        metrics = Path(self.run_dir) / "checkpoints" / stage / "metrics.jsonl"
        return [dict(line) for line in steps(read_metrics(metrics))]


def write_pairs(run_dir: Path, count: int = 32) -> None:
    """Write pairs and correct chains: reference solutions are chosen, those of other problems
    rejected."""
    pairs, supervised = [], []
    training = zip(problems(count, 0, "train"), problems(count, 5, "train"), strict=True)
    for problem, other in training:
        prompt = list(dialect().prompt_messages(problem.question))
        chosen, rejected = _solution(problem), _solution(other)
        shared = {"problem_id": problem.problem_id, "prompt": prompt, "tools": None}
        sides = {"chosen": chosen, "rejected": rejected}
        chains = {"chosen_chain_id": "correct", "rejected_chain_id": "incorrect"}
        pairs.append(
            shared | sides | chains | {"strategy": "outcome", "pair_id": shared["problem_id"]}
        )
        supervised.append(shared | {"completion": chosen, "chain_id": "correct"})
    tables.write_parts(run_dir / "pairs", pairs, tables.PAIRS)
    tables.write_parts(run_dir / "pairs" / "supervised", supervised, tables.SUPERVISED)


def train_all(cases: Sequence[Case], seconds: float) -> list[dict[str, Any]]:
    """Train each case on one Ray; returns for each `facts`, or `error` and its class, `kind`."""
    arguments = json.dumps([asdict(case) for case in cases])
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.training.small", arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) | {"stderr": done.stderr} for line in done.stdout.splitlines()]


def _solution(problem: Any) -> list[dict[str, str]]:
    chain = reference_chain(problem, dialect().toolset)
    assert chain
    messages = list(render(dialect(), chain.steps))
    return [dict(message) for message in messages]  # type: ignore[misc]  # of text


def _main(cases: Sequence[Case]) -> None:
    from cluster.session import connect

    with connect(ROOT, cpus=2):
        for case in cases:
            print(json.dumps(_outcome(case)), flush=True)


def _outcome(case: Case) -> dict[str, Any]:
    from pipeline.engine import model_paths
    from pipeline.recipe.load import load
    from pipeline.training.stage import train

    recipe = load("pocket", list(case.overrides))
    student = model_paths.resolve(recipe.student.model, "student")
    try:
        return {"facts": train(recipe, Path(case.run_dir), student, None)}
    except (ValueError, RuntimeError) as error:
        return {"error": str(error), "kind": type(error).__name__}


if __name__ == "__main__":
    _main([Case(c["run_dir"], tuple(c["overrides"])) for c in json.loads(sys.argv[1])])

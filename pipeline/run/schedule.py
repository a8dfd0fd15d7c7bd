"""Which stages of which round a command runs.

    run                        every stage of each round that has not ended, then evaluate
    generate, pairs, train     that stage of the round in progress; train also ends the round
    evaluate                   once the rounds have ended

The round in progress is the first whose student was not judged yet; when the rounds have ended, the
last that was. Where `train.rounds` is 1, there is that one.

Not here: the stages (`pipeline.run.run`), when rounds end (`pipeline.run.rounds`).
"""

from __future__ import annotations

import sys

from pipeline.generation.prepared import Run
from pipeline.generation.stage import generate_stage
from pipeline.run.round_selection import judged
from pipeline.run.run import STAGES, evaluate_stage, in_round, pairs_stage, train_stage
from pipeline.run_dir import RunDir


def run_all(run: Run, redo_errors: bool) -> None:
    """Every stage that is not finished; of each round in turn, until they end. What a round that
    has ended was trained on stays as it was: `redo_errors` makes chains of later ones anew."""
    for number in range(judged(run.dir) + 1, run.recipe.train.rounds + 1):
        if _ended(run.dir):
            break
        _run_round(in_round(run, number), redo_errors)
    evaluate_stage(run)


def run_stage(run: Run, name: str, redo_errors: bool) -> RunDir:
    """One stage; returns the folders that it worked in."""
    if name == "evaluate":
        evaluate_stage(run)
        return run.dir
    found = in_round(run, _in_progress(run))
    _announce(found)
    if name == "generate":
        generate_stage(found, redo_errors)
    else:
        STAGES[name](found)
    return found.dir


def _run_round(run: Run, redo_errors: bool) -> None:
    _announce(run)
    generate_stage(run, redo_errors)
    if redo_errors or not run.dir.is_done("pairs"):
        pairs_stage(run)
    if not _ended(run.dir.run):
        train_stage(run)


def _ended(run: RunDir) -> bool:
    return run.rounds.get("stopped") is not None


def _in_progress(run: Run) -> int:
    done = judged(run.dir)
    return done if _ended(run.dir) else done + 1


def _announce(run: Run) -> None:
    if (most := run.recipe.train.rounds) > 1:
        count = sum(problem.split == "train" for problem in run.problems)
        print(f"round {run.round} of at most {most}: {count:,} problems", file=sys.stderr)

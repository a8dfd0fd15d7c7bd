"""Which stages of which round a command runs.

    run                        every stage of each unfinished round, then evaluate
    generate, pairs, train     that stage of the current round; train also ends the round
    evaluate                   once the rounds have ended

The current round is the first whose student was not measured yet; once the rounds have ended, it is
the last measured one. With `train.rounds: 1` it is always the first.

Not here: the rule that ends rounds (`pipeline.run.rounds`).
"""

from __future__ import annotations

import sys

from pipeline.generation.prepared import Run
from pipeline.generation.stage import generate_stage
from pipeline.run.renewal import begin_generate, begin_pairs
from pipeline.run.round_selection import finished_rounds
from pipeline.run.run import (
    STAGES,
    evaluate_stage,
    in_round,
    pairs_stage,
    redo_heldout,
    train_stage,
)
from pipeline.run_dir import RunDir


def run_all(run: Run, redo_errors: bool) -> None:
    """Run every unfinished stage, round by round. Training chains of finished rounds do not change:
    of those, `redo_errors` applies to the current round and later ones."""
    if redo_errors:
        redo_heldout(run)
    for number in range(finished_rounds(run.dir) + 1, run.recipe.train.rounds + 1):
        if _ended(run.dir):
            break
        _run_round(in_round(run, number), redo_errors)
    evaluate_stage(run, redo_errors)


def run_stage(run: Run, name: str, redo_errors: bool) -> RunDir:
    """Run one stage; returns the folders that it wrote to."""
    if name == "evaluate":
        evaluate_stage(run, redo_errors)
        return run.dir
    if name == "train" and redo_errors:
        redo_heldout(run)
    current = in_round(run, _current_round(run))
    _announce(current)
    if name == "generate":
        begin_generate(current)
        generate_stage(current, redo_errors)
        return current.dir
    if name == "pairs":
        begin_pairs(current)
    STAGES[name](current)
    return current.dir


def _run_round(run: Run, redo_errors: bool) -> None:
    _announce(run)
    begin_generate(run)
    generate_stage(run, redo_errors)
    if begin_pairs(run):
        pairs_stage(run)
    if not _ended(run.dir.run):
        train_stage(run)


def _ended(run: RunDir) -> bool:
    return run.rounds.get("stopped") is not None


def _current_round(run: Run) -> int:
    done = finished_rounds(run.dir)
    return done if _ended(run.dir) else done + 1


def _announce(run: Run) -> None:
    if (most := run.recipe.train.rounds) > 1:
        count = sum(problem.split == "train" for problem in run.problems)
        print(f"round {run.round} of at most {most}: {count:,} problems", file=sys.stderr)

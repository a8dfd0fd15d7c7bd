"""`--dry-run`: resolves and validates everything, prints the plan and an estimate, starts nothing.

Not here: the numbers of the estimate (`pipeline.run.estimate`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.engine import model_paths
from pipeline.errors import CannotStart
from pipeline.evaluation.stage import evaluation_problems
from pipeline.generation.prepared import Run
from pipeline.generation.stage import generating_models
from pipeline.generation.tasks import bounds
from pipeline.problems.source import POCKET
from pipeline.recipe.load import Recipe
from pipeline.run.estimate import Estimate, describe, estimate, tasks_of
from pipeline.run.estimate_sample import Sample, read_sample, required_sample, shortcomings
from pipeline.run.evaluated import evaluated_models
from pipeline.run.preflight import check_run
from pipeline.run.run import STAGES, prepare
from pipeline.run_dir import RunDir, refuse_other

NO_SAMPLE = (
    "no measured sample: run generate with problems.limit=50 into another --run-dir and pass that "
    "as --sample"
)


@dataclass(frozen=True, slots=True)
class Generation:
    """Estimates for the chains of each model, based on the run in `sample`, with notes, and the
    parts of the run that they leave out."""

    models: dict[str, Estimate]
    sample: str | None
    notes: list[str]
    left_out: list[str]

    def lines(self) -> list[tuple[str, str]]:
        """The lines for the terminal, each a label and a text."""
        lines = [
            (
                "estimate",
                f"{name:<8} {describe(result)}; measured on {result.measured:,} chains of "
                f"{self.sample}",
            )
            for name, result in self.models.items()
            if result.measured
        ]
        if self.sample is None:
            lines = [("estimate", NO_SAMPLE)]
        elif lines and self.left_out:
            lines.append(("estimate", f"without {', '.join(self.left_out)}"))
        return lines + [("note", note) for note in self.notes]


def dry_run(recipe: Recipe, run_dir: Path, name: str, sample: Path | None, as_json: bool) -> int:
    """Print the plan of a command, with an estimate for its chains from the run in the folder
    `sample`, or from the chains that the run has so far. Raises CannotStart if `sample` holds no
    chains."""
    named = None if sample is None else required_sample(sample)
    run = prepare(recipe, RunDir(run_dir))
    stages = list(STAGES) if name == "run" else [name]
    check_run(run, stages, download=False)
    plan = _plan(run, stages)
    chains = generation(run, stages, named) if "generate" in stages else None
    if as_json:
        output: dict[str, Any] = {"recipe": recipe.model_dump(mode="json"), "plan": plan}
        print(json.dumps(output | ({"estimate": asdict(chains)} if chains else {})))
        return 0
    lines = [*plan.items(), ("into", str(run_dir)), *(chains.lines() if chains else ())]
    print("\n".join(f"{word:<10} {text}" for word, text in lines))
    return 0


def generation(run: Run, stages: Sequence[str], named: Sample | None) -> Generation:
    """The estimate for the chains of the first round, from the sample `named`, or from the chains
    that the run has so far."""
    recipe, notes = run.recipe, []
    own = None
    try:
        refuse_other(run.dir.path, recipe)
        own = read_sample(run.dir.path)
    except CannotStart as error:
        notes.append(str(error))
    sample = named or own
    names = generating_models(recipe)
    if sample is not None:
        notes += shortcomings(sample, recipe, names)
    estimates = {name: _model_estimate(run, name, own, sample) for name in names}
    path = None if sample is None else str(sample.path)
    return Generation(estimates, path, notes, _left_out(run, stages))


def _model_estimate(run: Run, name: str, own: Sample | None, sample: Sample | None) -> Estimate:
    recipe = run.recipe
    existing = own.of(name, recipe) if own else None
    tasks = tasks_of(
        getattr(recipe, name).samples,
        _training_problems(run),
        existing.chains if existing else 0,
        sample.with_same_sampling(name, recipe) if sample else None,
    )
    measured = sample.of(name, recipe) if sample else None
    if measured is None:
        return Estimate(tasks)
    return estimate(tasks, measured, recipe.cluster.engine_price_per_hour, own=sample is own)


def _left_out(run: Run, stages: Sequence[str]) -> list[str]:
    """The parts of a run that use engines but are not in the estimate."""
    recipe = run.recipe
    synthetic = recipe.problems.self_made.count and run.source.format != POCKET
    parts = {
        "training and evaluation": len(stages) > 1,
        "rounds after the first": recipe.train.rounds > 1,
        "synthetic problems": synthetic,
        "the teacher's continuations of the student's chains": recipe.pairs.corrects,
    }
    return [name for name, used in parts.items() if used]


def _training_problems(run: Run) -> int:
    return sum(problem.split == "train" for problem in run.problems)


def _plan(run: Run, stages: Sequence[str]) -> dict[str, str]:
    recipe = run.recipe
    splits = Counter(problem.split for problem in run.problems)
    plans: dict[str, Callable[[], str]] = {
        "generate": lambda: ", ".join(_generation(run, name) for name in generating_models(recipe)),
        "pairs": lambda: (
            f"strategies {', '.join(recipe.pairs.strategies)}; at most "
            f"{recipe.pairs.per_problem} a problem"
        ),
        "train": lambda: (
            f"{' then '.join(recipe.train.stages)}, loss {recipe.train.loss}, "
            f"{recipe.train.workers} workers, ZeRO-{recipe.train.zero_stage}, student "
            f"{model_paths.resolve(recipe.student.model, 'student')}{_rounds(run)}"
        ),
        "evaluate": lambda: (
            f"{', '.join(evaluated_models(recipe))} on "
            f"{len(evaluation_problems(run.problems, recipe)):,} problems each"
        ),
    }
    counts = ", ".join(f"{count:,} {split}" for split, count in sorted(splits.items()))
    rejected = f"; {len(run.source.rejects):,} rows rejected" if run.source.rejects else ""
    return {"problems": counts + rejected} | {s: plans[s]() for s in stages if s in plans}


def _rounds(run: Run) -> str:
    if (most := run.recipe.train.rounds) == 1:
        return ""
    return f"; {most} rounds at most, chosen on {len(run.heldout):,} held-out problems"


def _generation(run: Run, name: str) -> str:
    model = getattr(run.recipe, name)
    least, most = bounds(model.samples, _training_problems(run))
    chains = f"{most:,}" if most == least else f"{least:,}-{most:,}"
    where = f" at {run.recipe.teacher.endpoint}" if model.is_remote else ""
    return f"{chains} chains of {model_paths.locate(model, name)}{where}"

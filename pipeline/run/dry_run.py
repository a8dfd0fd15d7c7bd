"""`--dry-run`: everything resolved and validated, the plan and what it will take, nothing started.

Not here: the estimate's numbers (`pipeline.run.estimate`), the other commands
(`pipeline.run.commands`).
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
from pipeline.run.estimate import Estimate, estimate, in_words, tasks_of
from pipeline.run.estimate_sample import Sample, given, read_sample, remarks
from pipeline.run.preflight import check_run
from pipeline.run.run import STAGES, evaluated_models, prepare
from pipeline.run_dir import RunDir, refuse_other

NO_SAMPLE = (
    "no measured sample: run it with problems.limit=50 into another --run-dir and give that as "
    "--sample"
)


@dataclass(frozen=True, slots=True)
class Generation:
    """What the chains of each model take, by the sample at `sample`; what is said of that; and what
    is not reckoned with."""

    models: dict[str, Estimate]
    sample: str | None
    notes: list[str]
    left_out: list[str]

    def lines(self) -> list[tuple[str, str]]:
        """As the terminal has it: a word, and what is said."""
        told = [
            (
                "estimate",
                f"{name:<8} {in_words(found)}; measured on {found.measured:,} chains of "
                f"{self.sample}",
            )
            for name, found in self.models.items()
            if found.measured
        ]
        if self.sample is None:
            told = [("estimate", NO_SAMPLE)]
        elif told and self.left_out:
            told.append(("estimate", f"without {', '.join(self.left_out)}"))
        return told + [("note", note) for note in self.notes]


def dry_run(recipe: Recipe, run_dir: Path, name: str, sample: Path | None, as_json: bool) -> int:
    """Print the plan of a command, and where it makes chains what these take, as far as the run in
    the folder `sample`, or the run itself, has measured it. Raises CannotStart where `sample` holds
    no chains."""
    named = None if sample is None else given(sample)
    run = prepare(recipe, RunDir(run_dir))
    stages = list(STAGES) if name == "run" else [name]
    check_run(run, stages, download=False)
    plan = _plan(run, stages)
    chains = generation(run, stages, named) if "generate" in stages else None
    if as_json:
        told: dict[str, Any] = {"recipe": recipe.model_dump(mode="json"), "plan": plan}
        print(json.dumps(told | ({"estimate": asdict(chains)} if chains else {})))
        return 0
    lines = [*plan.items(), ("into", str(run_dir)), *(chains.lines() if chains else ())]
    print("\n".join(f"{word:<10} {text}" for word, text in lines))
    return 0


def generation(run: Run, stages: Sequence[str], named: Sample | None) -> Generation:
    """What the chains of a run's first round take, by the sample that was named, else by what the
    run has made already."""
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
        notes += remarks(sample, recipe, names)
    found = {name: _model(run, name, own, sample) for name in names}
    place = None if sample is None else str(sample.path)
    return Generation(found, place, notes, _left_out(run, stages))


def _model(run: Run, name: str, own: Sample | None, sample: Sample | None) -> Estimate:
    recipe = run.recipe
    made = own.of(name, recipe) if own else None
    tasks = tasks_of(
        getattr(recipe, name).samples,
        _training(run),
        made.chains if made else 0,
        sample.alike(name, recipe) if sample else None,
    )
    found = sample.of(name, recipe) if sample else None
    if found is None:
        return Estimate(tasks)
    return estimate(tasks, found, recipe.cluster.engine_price_per_hour, own=sample is own)


def _left_out(run: Run, stages: Sequence[str]) -> list[str]:
    """What takes engines too, in words."""
    recipe = run.recipe
    writes = recipe.problems.self_made.count and run.source.format != POCKET
    named = {
        "training and evaluation": len(stages) > 1,
        "rounds after the first": recipe.train.rounds > 1,
        "problems that a model writes": writes,
        "the teacher's ways on from the student's steps": recipe.pairs.corrects,
    }
    return [name for name, there in named.items() if there]


def _training(run: Run) -> int:
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
    read = ", ".join(f"{count:,} {split}" for split, count in sorted(splits.items()))
    rejected = f"; {len(run.source.rejects):,} rows rejected" if run.source.rejects else ""
    return {"problems": read + rejected} | {s: plans[s]() for s in stages if s in plans}


def _rounds(run: Run) -> str:
    if (most := run.recipe.train.rounds) == 1:
        return ""
    return f"; {most} rounds at most, chosen on {len(run.heldout):,} held-out problems"


def _generation(run: Run, name: str) -> str:
    model = getattr(run.recipe, name)
    least, most = bounds(model.samples, _training(run))
    chains = f"{most:,}" if most == least else f"{least:,}-{most:,}"
    where = f" at {run.recipe.teacher.endpoint}" if model.is_remote else ""
    return f"{chains} chains of {model_paths.locate(model, name)}{where}"

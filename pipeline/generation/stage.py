"""The stage `generate`: chains of the teacher, and of the student if pairs reject its chains.

Not here: running actors over blocks (`pipeline.generation.ray_job`).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.engine import model_paths
from pipeline.engine.model_dialects import check_template
from pipeline.errors import CannotStart
from pipeline.generation.blocks import extend_plan, plan_files
from pipeline.generation.continuations import plan_continuations
from pipeline.generation.outcomes import no_calls_warning, outcomes, verdicts
from pipeline.generation.prepared import Run, rollout_settings
from pipeline.generation.ray_job import check_complete, drop_engine_errors, roll_out
from pipeline.generation.synthetic_stage import synthetic_facts, synthetic_problems
from pipeline.generation.tasks import next_tasks, tasks_of_round
from pipeline.generation.usage import count_usage
from pipeline.problems.source import POCKET
from pipeline.recipe.load import Recipe
from pipeline.recipe.models import Model
from pipeline.records import Problem


def generate_stage(run: Run, redo_errors: bool = False) -> None:
    """Make the round's chains, and the synthetic problems if the recipe asks for them.

    `redo_errors`: make chains that ended in an engine error again, and those of synthetic problems.
    """
    training = [p for p in run.problems if p.split == "train"]
    if not training:
        dropped = sum(run.source.contaminated.values())
        raise CannotStart(
            f"{run.recipe.problems.source} holds no problem of split train"
            + f": all {dropped:,} also occur in an evaluation split" * bool(dropped)
        )
    if redo_errors:
        drop_engine_errors(run.dir.chains)
    with run.dir.stage("generate") as facts, count_usage(run.dir, facts) as made:
        training += _synthetic(run, redo_errors)
        plans: list[Path] = []
        for name in generating_models(run.recipe, run.round):
            plans += _generate(run, name, training, made[name])
        if run.recipe.pairs.corrects:
            plans += _continue(run, made["teacher continued"])
        check_complete(run.dir.chains, plans, run.recipe.cluster.max_error_share)
        facts |= {"rows_in": len(training)} | outcomes(run.dir.chains)
        native = run.recipe.is_native(run.recipe.teacher)
        if warning := no_calls_warning(facts["replies"], native):
            print(f"warning: {warning}", file=sys.stderr)
            facts["warning"] = warning
        if run.recipe.problems.self_made.count and run.round == 1:
            facts["self_made"] = synthetic_facts(run.recipe, run.dir, training)
        facts["rejected"] = len(run.source.rejects)
        facts["contaminated"] = dict(run.source.contaminated)


def generating_models(recipe: Recipe, number: int = 1) -> list[str]:
    """The models that make the training chains of a round."""
    if number > 1 and recipe.train.round_models is not None:
        return list(recipe.train.round_models)
    return ["teacher", *(["student"] if "student" in recipe.pairs.rejected_from else [])]


def _synthetic(run: Run, redo_errors: bool) -> list[Problem]:
    """The synthetic problems written by a model; none for the pocket generator, whose synthetic
    problems are already among the run's problems."""
    config = run.recipe.problems.self_made
    if not config.count or run.source.format == POCKET:
        return []
    model: Model = getattr(run.recipe, config.by)
    folder = model_paths.locate(model, config.by)
    settings = rollout_settings(run, model, folder, run.dir.self_made)
    known = (*run.problems, *run.heldout)
    return synthetic_problems(run.recipe, run.dir, known, settings, redo_errors)


def _generate(run: Run, name: str, training: Sequence[Problem], made: Counter[str]) -> list[Path]:
    model: Model = getattr(run.recipe, name)
    folder = model_paths.locate(model, name)
    check_template(run.recipe, name, folder)
    settings = rollout_settings(run, model, folder, run.dir.chains)
    samples, waves = model.samples, f"{name}-[0-9][0-9][0-9]"
    added = bool(run.recipe.problems.self_made.count)  # synthetic problems may be made again
    for wave in range(2 * samples.max + 2):
        label = f"{name}-{wave:03d}"
        if not plan_files(run.dir.tasks, label) or (added and not wave):
            so_far = verdicts(run.dir.chains, name) if wave else {}
            fresh = next_tasks(training, name, samples, run.recipe.seed, so_far)
            fresh = tasks_of_round(fresh, run.round, run.recipe.seed)
            if not extend_plan(run.dir.tasks, label, fresh, run.recipe.cluster.batch_tasks):
                break
        planned = plan_files(run.dir.tasks, waves)
        roll_out(f"generate ({name})", run.dir, planned, settings, run.recipe.cluster, made)
        if samples.until is None:
            break
    return plan_files(run.dir.tasks, waves)


def _continue(run: Run, made: Counter[str]) -> list[Path]:
    """Let the teacher continue from each step of the student's incorrect chains."""
    teacher = run.recipe.teacher
    size = run.recipe.cluster.batch_tasks
    planned = plan_continuations(run.dir, run.round, run.recipe.seed, size)
    folder = model_paths.locate(teacher, "teacher")
    settings = rollout_settings(run, teacher, folder, run.dir.chains)
    name = "generate (teacher, from the student's steps)"
    roll_out(name, run.dir, planned, settings, run.recipe.cluster, made)
    return planned

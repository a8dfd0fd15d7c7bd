"""The stages of a run, in order, each resumable: generate, pairs, train, evaluate, report.

Not here: the command line (`pipeline.__main__`), what a stage does (its own module).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import toolsets
from pipeline import tables
from pipeline.engine import model_paths
from pipeline.engine.model_dialects import dialect_in
from pipeline.errors import CannotStart, StageFailed
from pipeline.evaluation.stage import evaluate
from pipeline.generation.actor import RolloutSettings
from pipeline.generation.prepared import Run, rollout_settings
from pipeline.generation.stage import generate_stage, generating_models
from pipeline.generation.synthetic_stage import check_problems
from pipeline.pairs.stage import pairs
from pipeline.problems.source import POCKET, read_source
from pipeline.recipe.load import Recipe
from pipeline.run import rounds
from pipeline.run.round_selection import end, judge, judged, student_name, student_of
from pipeline.run_dir import RunDir
from pipeline.training.stage import check_packages, train


def prepare(recipe: Recipe, run_dir: RunDir) -> Run:
    """Read what every stage needs; raises ValueError, one sentence, for what is wrong with it."""
    toolset = toolsets.load(recipe.toolset)
    dialect_in(recipe, "teacher")  # says what is wrong with it before anything is made
    check_packages(recipe.train)
    _check_rounds(recipe)
    source, heldout = read_source(recipe), ()
    if recipe.problems.self_made.count and source.format != POCKET:
        check_problems(recipe, source.problems, toolset)
    if recipe.train.rounds > 1:
        source, heldout = rounds.without_heldout(recipe, source)
    dialect = dialect_in(recipe, "student")
    return Run(recipe, run_dir, source, dialect, toolset, heldout=heldout)


def _check_rounds(recipe: Recipe) -> None:
    makers, rejected = generating_models(recipe, 2), recipe.pairs.rejected_from
    if recipe.train.rounds > 1 and not set(makers) & set(rejected):
        raise CannotStart(
            f"train.round_models ({', '.join(makers)}) has none of pairs.rejected_from "
            f"({', '.join(rejected)}): rounds after the first would have no chain to reject"
        )


def in_round(run: Run, number: int) -> Run:
    """A run as the stages of its round `number` see it: their folders, their problems, and as
    student the one of the round before."""
    if number == 1:
        return run
    before = student_of(run.dir, number - 1, run.recipe.train.stages[-1])
    student = run.recipe.student.model_copy(update={"model": str(before.resolve())})
    return replace(
        run,
        recipe=run.recipe.model_copy(update={"student": student}),
        dir=run.dir.of_round(number),
        source=rounds.source_of_round(run.recipe, run.source, run.heldout, number),
        round=number,
    )


def pairs_stage(run: Run) -> None:
    """Preference pairs and right chains; a further round that gives none is no failure, but ends
    the rounds."""
    try:
        with run.dir.stage("pairs") as facts:
            facts |= pairs(run.recipe, run.dir, run.dialect, run.toolset, _learned_before(run))
    except StageFailed as error:
        if run.round == 1:
            raise
        end(run.dir.run, f"in round {run.round} {error}")


def _learned_before(run: Run) -> Iterable[dict[str, Any]]:
    """What the warm-up of the round before learned, which holds that of the ones before it."""
    if run.round == 1 or not run.recipe.train.sft.earlier_rounds:
        return ()
    return tables.rows(run.dir.run.of_round(run.round - 1).pairs / "supervised")


def train_stage(run: Run) -> None:
    """The student; where there are several rounds, also what this one came to."""
    if not tables.files(run.dir.pairs):
        raise CannotStart(f"{run.dir.pairs} holds no pairs; run pairs first")
    student = model_paths.resolve(run.recipe.student.model, "student")
    with run.dir.stage("train") as facts:
        facts |= train(run.recipe, run.dir.path, student, run.dialect.tools)
    if run.recipe.train.rounds > 1 and judged(run.dir.run) < run.round:
        _judge(run, student)


def _judge(run: Run, before: str) -> None:
    whole, last = run.dir.run, run.recipe.train.stages[-1]
    folders = {student_name(0): before} if run.round == 1 else {}
    folders[student_name(run.round)] = str(student_of(whole, run.round, last).resolve())
    settings = rollout_settings(run, run.recipe.student, "", whole.heldout)
    with run.dir.stage("heldout") as facts:
        found = judge(run.recipe, whole, run.round, run.heldout, folders, settings)
        facts |= {"rows_in": len(run.heldout), "models": list(folders)}
    whole.note_rounds(**found)  # last, as a round that was judged is not looked at again


def evaluate_stage(run: Run) -> None:
    """Student before and after, and teacher, on the unseen splits; with several rounds, the
    student of each."""
    names, most = evaluated_models(run.recipe), run.recipe.train.rounds
    if "student_after" in names and not run.dir.student.is_dir():
        raise CannotStart(f"{run.dir.student} does not exist; run train first")
    if most > 1 and run.dir.rounds.get("stopped") is None:
        raise CannotStart(
            f"{run.dir.path} is in round {judged(run.dir) + 1} of at most {most}, which has no "
            "judged student yet; run train first"
        )
    folders = {name: _model_folder(run, name) for name in names if name != "student_rounds"}
    same = {}
    if "student_rounds" in names:
        folders |= _rounds_students(run)
        best = student_name(run.dir.rounds["best"])
        if "student_after" in names:  # one model under two names
            same = {best: "student_after"}
            del folders[best]
    models = {name: _evaluated(run, name, folder) for name, folder in folders.items()}
    with run.dir.stage("evaluate") as facts:
        facts |= evaluate(run.recipe, run.dir, run.problems, models, same)


def _evaluated(run: Run, name: str, folder: str) -> RolloutSettings:
    model = run.recipe.teacher if name == "teacher" else run.recipe.student
    settings = rollout_settings(run, model, folder, run.dir.evaluation)
    return replace(settings, temperature=run.recipe.evaluate.temperature)


def _rounds_students(run: Run) -> dict[str, str]:
    last = run.recipe.train.stages[-1]
    return {
        student_name(number): str(student_of(run.dir, number, last).resolve())
        for number in range(1, judged(run.dir) + 1)
    }


def evaluated_models(recipe: Recipe) -> list[str]:
    """The models that are evaluated; `student_sft` only where preferences follow supervision,
    `student_rounds` only where there are several."""
    unasked = set()
    if recipe.train.stages != ["sft", "dpo"]:
        unasked.add("student_sft")
    if recipe.train.rounds == 1:
        unasked.add("student_rounds")
    return [name for name in recipe.evaluate.models if name not in unasked]


STAGES: dict[str, Callable[[Run], None]] = {
    "generate": generate_stage,
    "pairs": pairs_stage,
    "train": train_stage,
    "evaluate": evaluate_stage,
}
NEEDS_RAY = ("generate", "train", "evaluate")


def _model_folder(run: Run, name: str) -> str:
    match name:
        case "teacher":
            return model_paths.locate(run.recipe.teacher, "teacher")
        case "student_before":
            return model_paths.resolve(run.recipe.student.model, "student")
        case "student_sft":
            return str(student_of(run.dir, run.dir.rounds.get("best", 1), "sft").resolve())
    return str(run.dir.student.resolve())

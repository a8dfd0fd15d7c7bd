"""Which models a run evaluates, and the folder of each."""

from __future__ import annotations

from pipeline.engine import model_paths
from pipeline.generation.prepared import Run
from pipeline.recipe.load import Recipe
from pipeline.run.round_selection import finished_rounds, student_name, student_of


def evaluated_models(recipe: Recipe) -> list[str]:
    """The models to evaluate: `student_sft` only if DPO follows SFT, `student_rounds` only with
    several rounds."""
    skipped = set()
    if recipe.train.stages != ["sft", "dpo"]:
        skipped.add("student_sft")
    if recipe.train.rounds == 1:
        skipped.add("student_rounds")
    return [name for name in recipe.evaluate.models if name not in skipped]


def evaluated_folders(run: Run) -> tuple[dict[str, str], dict[str, str]]:
    """The folder or hub name of each evaluated model, and further names of the same models.

    The best round's student is evaluated as `student_after`, if that is evaluated.
    """
    names = evaluated_models(run.recipe)
    folders = {name: _folder(run, name) for name in names if name != "student_rounds"}
    same: dict[str, str] = {}
    if "student_rounds" in names:
        folders |= _rounds_students(run)
        best = student_name(run.dir.rounds.get("best", 1))
        if "student_after" in names and folders.pop(best, None):
            same = {best: "student_after"}
    return folders, same


def _folder(run: Run, name: str) -> str:
    match name:
        case "teacher":
            return model_paths.locate(run.recipe.teacher, "teacher")
        case "student_before":
            return model_paths.resolve(run.recipe.student.model, "student")
        case "student_sft":
            return str(student_of(run.dir, run.dir.rounds.get("best", 1) or 1, "sft").resolve())
    return str(run.dir.student.resolve())


def _rounds_students(run: Run) -> dict[str, str]:
    last = run.recipe.train.stages[-1]
    return {
        student_name(number): str(student_of(run.dir, number, last).resolve())
        for number in range(1, finished_rounds(run.dir) + 1)
    }

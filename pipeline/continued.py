"""The tasks that the strategy `corrected` needs: the teacher goes on from the student's steps.

Not here: making the chains (`pipeline.rollouts`), which step was fatal (`pipeline.pairing`).
"""

from __future__ import annotations

from pipeline import tables
from pipeline.records import Task
from pipeline.rounds import tasks_of_round
from pipeline.rundir import RunDir
from pipeline.tasks import continuations


def plan_continuations(run: RunDir, number: int, seed: int) -> list[Task]:
    """The tasks that let the teacher finish each wrong chain of the student from each of its steps,
    written where tasks stand. The same chains give the same tasks."""
    planned: dict[str, Task] = {}  # by id: a chain may have two rows until the stage ends
    for row in tables.rows(run.chains):
        if row["model"] == "student" and row["correct"] is False:
            problem, chain = tables.problem_of(row["problem"]), tables.chain_of(row)
            tasks = continuations(problem, "teacher", chain, seed)
            planned |= {task.task_id: task for task in tasks}
    found = tasks_of_round([planned[task_id] for task_id in sorted(planned)], number, seed)
    if found:
        rows = [tables.task_row(task) for task in found]
        tables.write(run.tasks / "teacher-after.parquet", rows, tables.TASKS)
    return found

"""Tasks for the strategy `corrected`: the teacher continues from the student's steps, with as many
steps and failures of its own as in a chain from the start (`pipeline.agent.driver`).

Not here: which step was fatal (`pipeline.pairs`).
"""

from __future__ import annotations

from pathlib import Path

from pipeline import tables
from pipeline.generation.blocks import plan_files, write_plan
from pipeline.generation.tasks import continuations, tasks_of_round
from pipeline.records import Task
from pipeline.run_dir import RunDir

AFTER = "teacher-after"


def plan_continuations(run: RunDir, number: int, seed: int, size: int) -> list[Path]:
    """Plan tasks in which the teacher finishes each incorrect chain of the student from each of its
    steps, in blocks of `size`; returns the plan files. If chains were made again since the last
    plan, only tasks that no earlier plan has are added, in a new plan."""
    planned: dict[str, Task] = {}
    for row in tables.rows(run.chains):
        if row["model"] == "student" and row["correct"] is False:
            problem, chain = tables.problem_of(row["problem"]), tables.chain_of(row)
            tasks = tasks_of_round(continuations(problem, "teacher", chain, seed), number, seed)
            planned |= {task.task_id: task for task in tasks}
    before = plan_files(run.tasks, f"{AFTER}-*")
    known = {task_id for path in before for task_id in tables.task_ids(path)}
    fresh = [planned[task_id] for task_id in sorted(planned.keys() - known)]
    write_plan(run.tasks, f"{AFTER}-{len(before):03d}", fresh, size)
    return plan_files(run.tasks, f"{AFTER}-*")

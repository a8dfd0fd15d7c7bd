"""The tasks of a run: one per problem, model and sample, with id and seed.

Pure: the same problems, samples and verdicts so far give the same next tasks, so a resumed run
plans exactly the same tasks as an uninterrupted one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pipeline.hashing import stable_hash
from pipeline.recipe.models import Samples
from pipeline.records import Chain, Problem, Task


def task(problem: Problem, model: str, sample_index: int, seed: int) -> Task:
    """The task of this problem, model and sample; its seed is derived from `seed` and its id."""
    task_id = f"{problem.problem_id}/{model}/{sample_index}"
    return Task(task_id, problem, model, sample_index, _seed(seed, task_id))


def vote(problem: Problem, model: str, index: int, seed: int) -> Task:
    """The task of one solution for self-consistency. Its seed is not that of a training chain, as
    accepting a problem for its correct votes would select the training chains too."""
    task_id = f"{problem.problem_id}/{model}/vote/{index}"
    return Task(task_id, problem, model, index, _seed(seed, task_id))


def continuations(problem: Problem, model: str, chain: Chain, seed: int) -> list[Task]:
    """The tasks in which `model` finishes `chain` after each of its steps except the last. They
    show after which step no correct answer is reached (the strategy `corrected`)."""
    replies = [step.reply for step in chain.steps]
    tasks = []
    for steps in range(1, len(replies)):
        task_id = f"{problem.problem_id}/{model}/after/{chain.sample_index}/{steps}"
        prefix = tuple(replies[:steps])
        task_seed = _seed(seed, task_id)
        tasks.append(Task(task_id, problem, model, chain.sample_index, task_seed, prefix))
    return tasks


def next_tasks(
    problems: Sequence[Problem],
    model: str,
    samples: Samples,
    seed: int,
    verdicts: Mapping[str, Sequence[bool | None]],
) -> Iterator[Task]:
    """The next wave of tasks, empty when the model is done.

    `verdicts` holds the verdicts on the chains so far, by problem id (None: engine error). The
    first wave has `samples.min` tasks per problem; each later wave has one more for each problem
    that lacks correct or incorrect chains, up to `samples.max`.
    """
    for problem in problems:
        so_far = verdicts.get(problem.problem_id, ())
        for index in range(len(so_far), _target(so_far, samples)):
            yield task(problem, model, index, seed)


def bounds(samples: Samples, problems: int) -> tuple[int, int]:
    """Minimum and maximum number of tasks of one model for this number of problems."""
    most = problems * samples.max
    if samples.until is None:
        return most, most
    enough = max(samples.min, samples.until.correct + samples.until.incorrect)
    return min(problems * enough, most), most


def tasks_of_round(tasks: Iterable[Task], number: int, seed: int) -> Iterator[Task]:
    """Tasks of round `number`; after the first round, ids contain it and seeds depend on it."""
    for task in tasks:
        yield task if number == 1 else _renamed(task, number, seed)


def by_problem(rows: Iterable[Mapping[str, object]]) -> dict[str, list[bool | None]]:
    """Verdicts by problem id, from rows with the columns `problem_id` and `correct`."""
    verdicts: dict[str, list[bool | None]] = {}
    for row in rows:
        verdicts.setdefault(str(row["problem_id"]), []).append(row["correct"])  # type: ignore[arg-type]
    return verdicts


def _renamed(task: Task, number: int, seed: int) -> Task:
    prefix = f"{task.problem.problem_id}/{task.model}/"
    task_id = f"{prefix}r{number}/{task.task_id.removeprefix(prefix)}"
    return replace(task, task_id=task_id, seed=_seed(seed, task_id))


def _target(verdicts: Sequence[bool | None], samples: Samples) -> int:
    """Number of chains that a problem should have after the next wave."""
    if samples.until is None:
        return samples.max
    if len(verdicts) < samples.min:
        return samples.min
    counts = Counter(verdicts)
    enough = counts[True] >= samples.until.correct and counts[False] >= samples.until.incorrect
    return len(verdicts) if enough else min(samples.max, len(verdicts) + 1)


def _seed(seed: int, task_id: str) -> int:
    return stable_hash(f"{seed}/{task_id}") % 2**31

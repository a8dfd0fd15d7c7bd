"""Which chains a run makes: one task per problem, model and sample, with its id and its seed.

Pure: the same problems, samples and chains so far give the same next tasks, so a run that was
interrupted plans exactly what it would have planned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pipeline.hashing import stable_hash
from pipeline.recipe.models import Samples
from pipeline.records import Chain, Problem, Task


def task(problem: Problem, model: str, sample_index: int, seed: int) -> Task:
    """The task of this problem, model and sample; its seed comes from the recipe's and its id."""
    task_id = f"{problem.problem_id}/{model}/{sample_index}"
    return Task(task_id, problem, model, sample_index, _seed(seed, task_id))


def continuations(problem: Problem, model: str, chain: Chain, seed: int) -> list[Task]:
    """The tasks that let `model` finish `chain` from each of its steps but the first and the end,
    to find the step that cannot be made up for (the strategy `corrected`)."""
    replies = [step.reply for step in chain.steps]
    tasks = []
    for steps in range(1, len(replies)):
        task_id = f"{problem.problem_id}/{model}/after/{chain.sample_index}/{steps}"
        prefix = tuple(replies[:steps])
        own = _seed(seed, task_id)
        tasks.append(Task(task_id, problem, model, chain.sample_index, own, prefix))
    return tasks


def next_tasks(
    problems: Sequence[Problem],
    model: str,
    samples: Samples,
    seed: int,
    verdicts: Mapping[str, Sequence[bool | None]],
) -> Iterator[Task]:
    """The tasks to make next, none when the model is done.

    `verdicts` holds, by problem id, what the chains so far came to (None: engine error). The first
    wave is `samples.min` for each problem; later waves one more for each that lacks right or wrong
    chains, `samples.max` at most.
    """
    for problem in problems:
        so_far = verdicts.get(problem.problem_id, ())
        for index in range(len(so_far), _wanted(so_far, samples)):
            yield task(problem, model, index, seed)


def bounds(samples: Samples, problems: int) -> tuple[int, int]:
    """The fewest and the most tasks of so many problems, for one model."""
    most = problems * samples.max
    if samples.until is None:
        return most, most
    enough = max(samples.min, samples.until.correct + samples.until.incorrect)
    return min(problems * enough, most), most


def tasks_of_round(tasks: Iterable[Task], number: int, seed: int) -> Iterator[Task]:
    """Tasks of a round: after the first, their ids say which, and their seeds are its own."""
    for task in tasks:
        yield task if number == 1 else _renamed(task, number, seed)


def _renamed(task: Task, number: int, seed: int) -> Task:
    place = f"{task.problem.problem_id}/{task.model}/"
    task_id = f"{place}r{number}/{task.task_id.removeprefix(place)}"
    return replace(task, task_id=task_id, seed=stable_hash(f"{seed}/{task_id}") % 2**31)


def _wanted(verdicts: Sequence[bool | None], samples: Samples) -> int:
    if samples.until is None:
        return samples.max
    if len(verdicts) < samples.min:
        return samples.min
    counts = Counter(verdicts)
    enough = counts[True] >= samples.until.correct and counts[False] >= samples.until.incorrect
    return len(verdicts) if enough else min(samples.max, len(verdicts) + 1)


def _seed(seed: int, task_id: str) -> int:
    return stable_hash(f"{seed}/{task_id}") % 2**31


def by_problem(rows: Iterable[Mapping[str, object]]) -> dict[str, list[bool | None]]:
    """Verdicts by problem id, of rows with columns `problem_id` and `correct`."""
    verdicts: dict[str, list[bool | None]] = {}
    for row in rows:
        verdicts.setdefault(str(row["problem_id"]), []).append(row["correct"])  # type: ignore[arg-type]
    return verdicts

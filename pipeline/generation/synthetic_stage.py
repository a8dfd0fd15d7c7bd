"""Problems written by a model: asked for, executed, solved again, and stored, once per run.

    self_made/written/*.parquet     what the model wrote, as chains of one reply
    self_made/solved/*.parquet      its own solutions of what passed every other check
    self_made/problems.jsonl        the problems that every round learns from; written last
    rejects/self_made.jsonl         the refused ones, with the reason

What is on disk is not made again. Not here: the form and the checks
(`pipeline.problems.synthetic`).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import toolsets
from pipeline import tables
from pipeline.errors import CannotStart
from pipeline.generation.actor import RolloutSettings
from pipeline.generation.blocks import write_plan
from pipeline.generation.ray_job import check_complete, roll_out
from pipeline.generation.tasks import task
from pipeline.problems.decontamination import NGRAM, SeenQuestions
from pipeline.problems.synthetic import (
    Refused,
    check_agreed,
    check_new,
    example,
    is_self_made,
    read,
    requests,
    verified,
)
from pipeline.recipe.load import Recipe
from pipeline.records import Chain, Problem, Task
from pipeline.run_dir import RunDir
from toolsets import Toolset

PROBLEMS = "problems.jsonl"
REJECTS = "self_made.jsonl"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A written problem that was refused: why, what exactly was wrong, and what was written."""

    problem_id: str
    reason: str
    detail: str
    written: str


def check_problems(recipe: Recipe, problems: Sequence[Problem], toolset: Toolset) -> None:
    """Raise CannotStart where no problem could be written beside these: none can be shown as an
    example, or one has an id of those to be written."""
    if taken := next(filter(is_self_made, problems), None):
        raise CannotStart(
            f"problems.self_made gives its problems ids such as {taken.problem_id}, which one of "
            f"{recipe.problems.path} has already; rename that or set problems.self_made.count=0"
        )
    training = (problem for problem in problems if problem.split == "train")
    if not any(example(problem, toolset) for problem in training):
        raise CannotStart(
            f"problems.self_made needs training problems with worked calculations that toolset "
            f"{recipe.toolset} replays, to show as examples; {recipe.problems.path} has none"
        )


def written_problems(
    recipe: Recipe, run: RunDir, known: Sequence[Problem], settings: RolloutSettings
) -> list[Problem]:
    """The problems that a model wrote for this run, made now unless they are on disk.

    `known` are all other problems, those of evaluation splits and held-out ones included: none of
    theirs is repeated. `settings` are those of the model's ordinary chains.
    """
    path = run.self_made / PROBLEMS
    if not path.is_file():
        kept, rejected = _make(recipe, run, known, settings)
        _write(run.run.rejects / REJECTS, map(asdict, rejected))
        _write(path, map(tables.problem_row, kept))
    return [tables.problem_of(row) for row in _rows(path)]


def facts(recipe: Recipe, run: RunDir, problems: Iterable[Problem]) -> dict[str, Any]:
    """What run.json says of self-made problems, of which `problems` holds all."""
    rejects = run.run.rejects / REJECTS
    reasons = Counter(row["reason"] for row in _rows(rejects)) if rejects.is_file() else {}
    kept = sum(is_self_made(problem) for problem in problems)
    return {"asked": recipe.problems.self_made.count, "kept": kept, "refused": dict(reasons)}


def _make(
    recipe: Recipe, run: RunDir, known: Sequence[Problem], settings: RolloutSettings
) -> tuple[list[Problem], list[Rejected]]:
    wanted, toolset = recipe.problems.self_made, toolsets.load(recipe.toolset)
    asked = requests(known, toolset, wanted.count, wanted.examples, recipe.seed)
    replies = _replies(recipe, run, asked, settings)
    rejected: list[Rejected] = []
    drafts = _trusted(recipe, asked, replies, known, toolset, rejected)
    agreed = []
    verdicts = _solved(recipe, run, drafts, settings)
    for problem in drafts:
        try:
            check_agreed(verdicts[problem.problem_id])
            agreed.append(problem)
        except Refused as why:
            rejected.append(_rejected(problem, why, replies))
    return agreed, sorted(rejected, key=lambda reject: reject.problem_id)


def _replies(
    recipe: Recipe, run: RunDir, asked: Sequence[Problem], settings: RolloutSettings
) -> dict[str, str | None]:
    """What was written, by problem id; None where the engine failed."""
    wanted, out = recipe.problems.self_made, run.self_made / "written"
    tasks = [task(problem, wanted.by, 0, recipe.seed) for problem in asked]
    writer = replace(
        settings,
        writes=True,
        out=str(out),
        agent=settings.agent.model_copy(
            update={"max_steps": 1, "reply_tokens": wanted.reply_tokens}
        ),
        temperature=wanted.temperature,
    )
    planned = write_plan(run.self_made_tasks, "written", tasks, recipe.cluster.batch_tasks)
    roll_out(f"write problems ({wanted.by})", planned, writer, recipe.cluster)
    check_complete(out, planned)
    chains = map(tables.chain_of, tables.rows(out))
    return {chain.problem_id: _reply(chain) for chain in chains}


def _reply(chain: Chain) -> str | None:
    return chain.steps[0].reply if chain.steps else None


def _trusted(
    recipe: Recipe,
    asked: Sequence[Problem],
    replies: Mapping[str, str | None],
    known: Sequence[Problem],
    toolset: Toolset,
    rejected: list[Rejected],
) -> list[Problem]:
    """The problems that pass every check but the last; the others are added to `rejected`."""
    seen = SeenQuestions(recipe.problems.decontaminate_ngram or NGRAM, known)
    found = []
    with toolsets.Executor(toolset, workers=1) as executor:
        for request in asked:
            try:
                problem = _draft(request, replies[request.problem_id], toolset, executor)
                check_new(problem, seen)
            except Refused as why:
                rejected.append(_rejected(request, why, replies))
                continue
            seen.add(problem)
            found.append(problem)
    return found


def _draft(
    request: Problem, reply: str | None, toolset: Toolset, executor: toolsets.Executor
) -> Problem:
    if reply is None:
        raise Refused("engine_error", "the engine failed, or the request filled its context")
    return verified(read(reply), request.problem_id, request.task, toolset, executor.run)


def _solved(
    recipe: Recipe, run: RunDir, drafts: Sequence[Problem], settings: RolloutSettings
) -> dict[str, list[bool | None]]:
    """Whether each solution of each draft came to its answer; None where the engine failed."""
    wanted, out = recipe.problems.self_made, run.self_made / "solved"
    tasks: list[Task] = [
        task(problem, wanted.by, index, recipe.seed)
        for problem in drafts
        for index in range(wanted.votes)
    ]
    again = replace(settings, out=str(out))
    planned = write_plan(run.self_made_tasks, "solved", tasks, recipe.cluster.batch_tasks)
    roll_out(f"solve written problems ({wanted.by})", planned, again, recipe.cluster)
    check_complete(out, planned)
    found: dict[str, list[bool | None]] = {problem.problem_id: [] for problem in drafts}
    for row in tables.rows(out, ["problem", "correct"]):
        found[row["problem"]["problem_id"]].append(row["correct"])
    return found


def _rejected(problem: Problem, why: Refused, replies: Mapping[str, str | None]) -> Rejected:
    written = replies[problem.problem_id] or ""
    return Rejected(problem.problem_id, why.reason, why.detail, written)


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    unfinished.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.replace(unfinished, path)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]

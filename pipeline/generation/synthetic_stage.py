"""Synthetic problems: a model writes them, their calls are executed, the model solves them again,
and the verified ones are stored, once per run.

    self_made/written/*.parquet     the model's replies, as chains of one reply
    self_made/solved/*.parquet      the model's solutions of problems that passed the other checks
    self_made/problems.jsonl        the accepted problems, used in every round; written last
    rejects/self_made.jsonl         the refused problems, with the reason

Existing files are reused. Not here: the reply format and the checks
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
from pipeline.generation.blocks import extend_plan, write_plan
from pipeline.generation.ray_job import (
    check_complete,
    drop_engine_errors,
    has_engine_errors,
    roll_out,
)
from pipeline.generation.tasks import task, vote
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
from pipeline.recipe.problems import SelfMade
from pipeline.records import Chain, Problem, Task
from pipeline.run_dir import RunDir
from toolsets import Toolset

PROBLEMS = "problems.jsonl"
REJECTS = "self_made.jsonl"
WRITTEN, SOLVED = "written", "solved"  # plans, and folders of their chains


@dataclass(frozen=True, slots=True)
class Rejected:
    """A refused synthetic problem: the kind of reason, the details, and the model's reply."""

    problem_id: str
    reason: str
    detail: str
    written: str


def check_problems(recipe: Recipe, problems: Sequence[Problem], toolset: Toolset) -> None:
    """Raise CannotStart if no synthetic problems can be added to `problems`: none of them can be a
    few-shot example, or one has an id that a synthetic problem would get."""
    if taken := next(filter(is_self_made, problems), None):
        raise CannotStart(
            f"problems.self_made gives its problems ids such as {taken.problem_id}, which one of "
            f"{recipe.problems.source} already has; rename it or set problems.self_made.count=0"
        )
    training = (problem for problem in problems if problem.split == "train")
    if not any(example(problem, toolset) for problem in training):
        raise CannotStart(
            f"problems.self_made needs training problems with reference calculations that toolset "
            f"{recipe.toolset} can replay, as few-shot examples; {recipe.problems.source} has none"
        )


def synthetic_problems(
    recipe: Recipe,
    run: RunDir,
    known: Sequence[Problem],
    settings: RolloutSettings,
    redo_errors: bool = False,
) -> list[Problem]:
    """The accepted synthetic problems of this run, made now unless they are on disk.

    `redo_errors`: write and solve those again on which the engine failed.

    `known` are all other problems, including evaluation splits and held-out problems; a synthetic
    problem that repeats one is refused. `settings` are those of the model's ordinary chains.
    """
    path = run.self_made / PROBLEMS
    if redo_errors:
        _drop_errors(run)
    if not path.is_file():
        accepted, rejected = _make(recipe, run, known, settings)
        _write(run.run.rejects / REJECTS, map(asdict, rejected))
        _write(path, map(tables.problem_row, accepted))
    return [tables.problem_of(row) for row in _rows(path)]


def _drop_errors(run: RunDir) -> None:
    folders = [run.self_made / WRITTEN, run.self_made / SOLVED]
    if any(map(has_engine_errors, folders)):
        (run.self_made / PROBLEMS).unlink(missing_ok=True)  # first: without it, all are checked
    for folder in folders:
        drop_engine_errors(folder)


def synthetic_facts(recipe: Recipe, run: RunDir, problems: Iterable[Problem]) -> dict[str, Any]:
    """Counts of synthetic problems for run.json; `problems` must hold all accepted ones."""
    rejects = run.run.rejects / REJECTS
    reasons = Counter(row["reason"] for row in _rows(rejects)) if rejects.is_file() else {}
    kept = sum(is_self_made(problem) for problem in problems)
    return {"asked": recipe.problems.self_made.count, "kept": kept, "refused": dict(reasons)}


def _make(
    recipe: Recipe, run: RunDir, known: Sequence[Problem], settings: RolloutSettings
) -> tuple[list[Problem], list[Rejected]]:
    config, toolset = recipe.problems.self_made, toolsets.load(recipe.toolset)
    prompts = requests(known, toolset, config.count, config.examples, recipe.seed)
    replies = _replies(recipe, run, prompts, settings)
    rejected: list[Rejected] = []
    drafts = _verified_drafts(recipe, prompts, replies, known, toolset, rejected)
    accepted = []
    verdicts = _solve(recipe, run, drafts, settings)
    for problem in drafts:
        try:
            check_agreed(verdicts[problem.problem_id])
            accepted.append(problem)
        except Refused as why:
            rejected.append(_rejected(problem, why, replies))
    return accepted, sorted(rejected, key=lambda reject: reject.problem_id)


def _replies(
    recipe: Recipe, run: RunDir, prompts: Sequence[Problem], settings: RolloutSettings
) -> dict[str, str | None]:
    """The model's replies, by problem id; None if the engine failed."""
    config, out = recipe.problems.self_made, run.self_made / WRITTEN
    tasks = [task(problem, config.by, 0, recipe.seed) for problem in prompts]
    writer = writer_settings(settings, config, out)
    planned = write_plan(run.self_made_tasks, WRITTEN, tasks, recipe.cluster.batch_tasks)
    roll_out(f"write problems ({config.by})", run, planned, writer, recipe.cluster)
    check_complete(out, planned, recipe.cluster.max_error_share)
    chains = map(tables.chain_of, tables.rows(out))
    return {chain.problem_id: _reply(chain) for chain in chains}


def writer_settings(settings: RolloutSettings, config: SelfMade, out: Path) -> RolloutSettings:
    """Settings of the chains of one reply that write problems. No stop text ends them: it ends a
    reply after one call, and a problem has several."""
    one_reply = {"max_steps": 1, "reply_tokens": config.reply_tokens}
    return replace(
        settings,
        writes=True,
        out=str(out),
        agent=settings.agent.model_copy(update=one_reply),
        temperature=config.temperature,
        stop=(),
    )


def _reply(chain: Chain) -> str | None:
    return chain.steps[0].reply if chain.steps else None


def _verified_drafts(
    recipe: Recipe,
    prompts: Sequence[Problem],
    replies: Mapping[str, str | None],
    known: Sequence[Problem],
    toolset: Toolset,
    rejected: list[Rejected],
) -> list[Problem]:
    """The problems that pass every check before self-consistency; the others are appended to
    `rejected`."""
    seen = SeenQuestions(recipe.problems.decontaminate_ngram or NGRAM, known)
    drafts = []
    with toolsets.Executor(toolset, workers=1) as executor:
        for request in prompts:
            try:
                problem = _draft(request, replies[request.problem_id], toolset, executor)
                check_new(problem, seen)
            except Refused as why:
                rejected.append(_rejected(request, why, replies))
                continue
            seen.add(problem)
            drafts.append(problem)
    return drafts


def _draft(
    request: Problem, reply: str | None, toolset: Toolset, executor: toolsets.Executor
) -> Problem:
    if reply is None:
        raise Refused("engine_error", "the engine failed, or the request filled its context")
    return verified(read(reply), request.problem_id, request.task, toolset, executor.run)


def _solve(
    recipe: Recipe, run: RunDir, drafts: Sequence[Problem], settings: RolloutSettings
) -> dict[str, list[bool | None]]:
    """Solve each draft several times; returns, by problem id, whether each solution reached the
    draft's answer (None: engine error)."""
    config, out = recipe.problems.self_made, run.self_made / SOLVED
    tasks: list[Task] = [
        vote(problem, config.by, index, recipe.seed)
        for problem in drafts
        for index in range(config.votes)
    ]
    solver = replace(settings, out=str(out))
    planned = extend_plan(run.self_made_tasks, SOLVED, tasks, recipe.cluster.batch_tasks)
    roll_out(f"solve written problems ({config.by})", run, planned, solver, recipe.cluster)
    check_complete(out, planned, recipe.cluster.max_error_share)
    verdicts: dict[str, list[bool | None]] = {problem.problem_id: [] for problem in drafts}
    for row in tables.rows(out, ["problem", "correct"]):
        if (problem_id := row["problem"]["problem_id"]) in verdicts:  # else no draft any more
            verdicts[problem_id].append(row["correct"])
    return verdicts


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

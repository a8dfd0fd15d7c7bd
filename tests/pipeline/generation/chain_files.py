"""Files of chains as a finished job leaves them, so that a stage finds all its chains made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline import tables
from pipeline.generation.actor import RolloutSettings
from pipeline.generation.blocks import Block, blocks
from pipeline.recipe.models import AgentSettings
from pipeline.records import Chain, Failure, Problem, Step, StopReason, Task, Verdict
from toolsets import ToolCall, ToolResult

Judge = Callable[[Task], Failure | None]


def problem(name: str, split: str = "train") -> Problem:
    return Problem(name, "arithmetic", f"{name}?", "1", split)


def row(
    task: Task,
    failure: Failure | None = None,
    names: Sequence[str | None] = (),
    tokens: int = 0,
) -> dict[str, Any]:
    """The row of a chain that ended with `failure`, or is correct. It has one step of `tokens`
    tokens for each of `names`: a call of that function, or no call."""
    stops: dict[Failure | None, StopReason] = {
        "engine_error": "engine_error",
        "max_steps": "max_steps",
        "context_full": "context_full",
    }
    chain = Chain(
        chain_id=task.task_id,
        problem_id=task.problem.problem_id,
        model=task.model,
        sample_index=task.sample_index,
        seed=task.seed,
        messages=(),
        steps=tuple(_step(name, tokens) for name in names),
        stop_reason=stops.get(failure, "answer"),
        prefix_steps=len(task.prefix),
        error="the engine is away" if failure == "engine_error" else None,
    )
    correct = None if failure == "engine_error" else failure is None
    verdict = Verdict(task.task_id, correct, task.problem.answer, None, failure)
    return tables.chain_row(chain, task.problem, verdict)


def write_block(block: Block, folder: Path, failure_of: Judge = lambda task: None) -> None:
    """Write the chains of a block; by default all are correct."""
    rows = [row(task, failure_of(task)) for task in block.tasks()]
    tables.write(block.chains(folder), rows, tables.CHAINS)


def write_blocks(
    plans: Iterable[Path], folder: Path, failure_of: Judge = lambda task: None
) -> None:
    """Write the chains of all blocks of `plans`."""
    for block in blocks(plans):
        write_block(block, folder, failure_of)


def without_engine(out: Path) -> RolloutSettings:
    """Settings of a job that finds all chains in `out`: no engine could be started with them."""
    return RolloutSettings(
        model="none",
        toolset="arithmetic",
        agent=AgentSettings(),
        tool_parser=None,
        structured=False,
        stop=(),
        retries=0,
        temperature=0.0,
        tolerance=0.0,
        units="ignore",
        engine=(),
        section="teacher",
        kv_cache_gib=1.0,
        function_workers=1,
        chains_in_flight=1,
        out=str(out),
        engine_class="none:NoEngine",
    )


def _step(name: str | None, tokens: int) -> Step:
    if name is None:
        failed = ToolResult(False, "The reply is not a call.", "unparseable_call")
        return Step("no call", None, failed, completion_tokens=tokens)
    call = ToolCall(name, {}, f"{name}()")
    result = None if name == "answer" else ToolResult(True, "1")
    return Step(call.raw, call, result, completion_tokens=tokens)

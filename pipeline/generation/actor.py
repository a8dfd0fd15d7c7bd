"""The rollout actor: one engine, one executor, many concurrent chains; a Ray Data callable class.
The engine is a local vLLM engine or a remote endpoint (`pipeline.generation.endpoint`).

A private event-loop thread runs the engine and the chains. Each block of tasks is awaited by its
own thread, so blocks do not wait for each other. A block's file is written before its summary is
returned: every counted chain is on disk, whatever dies next, and a block that Ray runs twice
overwrites its own file.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import toolsets
from cluster import storage
from pipeline import tables
from pipeline.agent.agent import dialect_of, with_agent_tools
from pipeline.agent.driver import ALL_TOKENS, SECONDS, Driver, Rollout, Truncation, Usage, limits_of
from pipeline.agent.native import MakeReader
from pipeline.agent.prompt import Dialect, Writing
from pipeline.agent.transcript import ChatTemplate
from pipeline.agent.verdict import Units, judge
from pipeline.engine.engine import EngineRefused
from pipeline.engine.tool_parsers import reader_maker
from pipeline.engine.watch import Watch, WatchedEngine
from pipeline.generation.admission import Admission
from pipeline.generation.blocks import Block
from pipeline.generation.endpoint import Endpoint, EndpointRollout, EndpointSettings
from pipeline.generation.outage import Breaker, Streak
from pipeline.generation.usage import Busy
from pipeline.recipe.models import AgentSettings
from pipeline.records import FAILURES, Chain, Task

ENGINE = "pipeline.generation.vllm_engine:VllmEngine"
DEATHS = ".engine-deaths"  # file in the folder of chains: process ids of actors whose engine died
MOST_DEATHS = 4  # in a row, without a finished block in between; one more ends the job


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """Settings of a rollout actor; plain data, so that any node can load them."""

    model: str  # a folder, a hub name, or the name at the endpoint
    toolset: str
    agent: AgentSettings
    tool_parser: str | None  # None: the dialect `inject`
    structured: bool
    stop: tuple[str, ...]
    retries: int
    temperature: float
    tolerance: float
    units: Units
    engine: tuple[tuple[str, Any], ...]
    section: str  # the section of the recipe that holds `engine`
    kv_cache_gib: float
    function_workers: int
    chains_in_flight: int
    out: str  # folder for the files of chains
    engine_class: str = ENGINE  # module:class, called with `model`, `engine` and `kv_cache_gib`
    endpoint: EndpointSettings | None = None  # if set, no engine is created
    max_errors_in_a_row: int | None = None  # see `pipeline.generation.outage`
    outage_seconds: float = 0.0
    token_seconds: float | None = None  # see `pipeline.engine.watch`
    no_progress_seconds: float | None = None  # of the whole job (`pipeline.generation.pool`)
    writes: bool = False  # write synthetic problems (`pipeline.generation.synthetic_stage`)
    truncation: Truncation = ALL_TOKENS
    mark: str | None = None  # file that the driver wrote to `out` (`cluster.storage`)


@dataclass(frozen=True, slots=True)
class Made:
    """Chains by task id; tokens and busy seconds of all chains since the previous block; the
    exception that ended the others."""

    chains: Mapping[str, Chain]
    used: Usage
    seconds: float
    error: BaseException | None


class RolloutActor:
    """Makes chains. Called with a one-row table, a block; returns the block's summary row."""

    def __init__(self, settings: RolloutSettings) -> None:
        if settings.mark is not None:
            storage.check(settings.mark)  # the node may have joined after the driver's check
        self._settings = settings
        self._engine: Any = None
        started = time.monotonic()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="chains", daemon=True).start()
        self._rollout = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        self._start_seconds = time.monotonic() - started

    async def _start(self) -> Driver:
        s = self._settings
        self._watch = Watch(s.token_seconds)
        driver = await self._at_endpoint(s.endpoint) if s.endpoint else self._on_engine()
        self._admission = Admission(
            self._engine.capacity, s.chains_in_flight, guess=2 * s.agent.reply_tokens
        )
        self._breaker = Breaker(s.max_errors_in_a_row, s.outage_seconds, lambda: self._dead)
        self._reported, self._busy = Usage(), Busy()
        return driver

    @property
    def _dead(self) -> bool:
        """Whether the engine has died or hangs."""
        return self._engine.dead or self._watch.stalled

    def _on_engine(self) -> Driver:
        s = self._settings
        try:
            self._engine = resolve_name(s.engine_class)(s.model, dict(s.engine), s.kv_cache_gib)
        except EngineRefused as error:
            raise EngineRefused(f"{error} (options: {s.section}.engine)") from None
        dialect = self._dialect(reader_maker(s.tool_parser, self._engine.tokenizer))
        template = ChatTemplate(self._engine.tokenizer, dialect.tools)
        capacity = self._engine.capacity
        common = len(template.prompt_ids(dialect.prompt_messages("")))
        return Rollout(
            dialect=dialect,
            template=template,
            engine=WatchedEngine(self._engine, self._watch),
            runner=self._executor(),
            limits=limits_of(s.agent, s.retries, s.stop),
            temperature=s.temperature,
            truncation=s.truncation,
            usage=Usage(common, block=capacity.block_tokens if capacity else 1),
        )

    async def _at_endpoint(self, settings: EndpointSettings) -> Driver:
        s = self._settings
        self._engine = Endpoint(s.model, settings, s.retries)
        await self._engine.check()
        return EndpointRollout(
            endpoint=self._engine,
            dialect=self._dialect(),
            runner=self._executor(),
            limits=limits_of(s.agent, retries=0),  # the endpoint's client retries instead
            temperature=s.temperature,
            truncation=s.truncation,
        )

    def _executor(self) -> toolsets.Executor:
        s = self._settings
        return toolsets.Executor(toolsets.load(s.toolset), workers=s.function_workers)

    def _dialect(self, native: MakeReader | None = None) -> Dialect:
        s = self._settings
        if s.writes:
            return Writing(with_agent_tools(toolsets.load(s.toolset), thinking=False))
        return dialect_of(s.toolset, s.agent, native, s.structured)

    def __call__(self, batch: pa.Table) -> dict[str, np.ndarray]:
        (block,) = (Block(**row) for row in batch.to_pylist())
        path, tasks = block.chains(Path(self._settings.out)), block.tasks()
        before = {row["task_id"]: row for row in _rows(path)}
        missing = [task for task in tasks if task.task_id not in before]
        made = asyncio.run_coroutine_threadsafe(self._chains(missing), self._loop).result()
        if self._dead:
            _die(path.parent, "hung" if self._watch.stalled else "died")
        ended = (task for task in missing if task.task_id in made.chains)
        rows = [self._row(task, made.chains[task.task_id]) for task in ended]
        by_task = before | {row["task_id"]: row for row in rows}
        finished = [by_task[task.task_id] for task in tasks if task.task_id in by_task]
        if finished:
            tables.write(path, finished, tables.CHAINS)
        if made.error is not None:
            raise made.error
        forget_deaths(path.parent)
        own = {"engine": _actor_id(), "start_seconds": self._start_seconds}
        counts = summary(rows, made.used, made.seconds)
        return counts | {name: np.array([own[name]]) for name in own}

    def _row(self, task: Task, chain: Chain) -> dict[str, Any]:
        verdict = judge(chain, task.problem, self._settings.tolerance, self._settings.units)
        return tables.chain_row(chain, task.problem, verdict)

    async def _chains(self, tasks: Sequence[Task]) -> Made:
        """Make the chains of `tasks`. Chains whose errors were an outage are made again; after an
        exception, only the others are returned."""
        self._busy.begin()
        outage: set[str] = set()
        made, again, error = {}, list(tasks), None
        while again and error is None and not self._dead:
            ended, error = await _gather({task.task_id: self._chain(task) for task in again})
            made |= ended
            streaks = {name: streak for name, (_, streak) in made.items() if streak}
            outage = {n for n, streak in streaks.items() if await self._breaker.is_outage(streak)}
            again = [task for task in tasks if task.task_id in outage]
        usage = self._rollout.usage
        used, self._reported = usage.since(self._reported), replace(usage)
        chains = {name: chain for name, (chain, _) in made.items() if name not in outage}
        return Made(chains, used, self._busy.end(), error)

    async def _chain(self, task: Task) -> tuple[Chain, Streak | None]:
        async with self._admission.chain():
            chain, streak = await self._breaker.chain(lambda: self._rollout(task))
        if chain.steps:
            last = chain.steps[-1]
            common = self._rollout.usage.common
            self._admission.record(last.prompt_tokens + last.completion_tokens - common)
        return chain, streak


async def _gather(
    chains: Mapping[str, Coroutine[Any, Any, tuple[Chain, Streak | None]]],
) -> tuple[dict[str, tuple[Chain, Streak | None]], BaseException | None]:
    """Await `chains`. The first exception cancels the others; returns it, and what had ended."""
    running = {name: asyncio.ensure_future(chain) for name, chain in chains.items()}
    _, pending = await asyncio.wait(running.values(), return_when=asyncio.FIRST_EXCEPTION)
    for future in pending:
        future.cancel()
    results = await asyncio.gather(*running.values(), return_exceptions=True)
    ended, errors = {}, []
    for name, result in zip(running, results, strict=True):
        if isinstance(result, tuple):
            ended[name] = result
        elif not isinstance(result, asyncio.CancelledError):
            errors.append(result)
    return ended, next(iter(errors), None)


def forget_deaths(out: Path) -> None:
    """Reset the count of engine deaths."""
    (out / DEATHS).unlink(missing_ok=True)


def summary(rows: Sequence[dict[str, Any]], used: Usage, seconds: float) -> dict[str, np.ndarray]:
    """The summary row of a block for the driver: only counts, so its memory does not grow."""
    failures = Counter(row["failure"] for row in rows)
    counts = {
        "chains": len(rows),
        "correct": sum(row["correct"] is True for row in rows),
        **{kind: failures[kind] for kind in FAILURES},
        **used.tokens,
        SECONDS: seconds,
    }
    return {name: np.array([value]) for name, value in counts.items()}


def _rows(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist() if path.exists() else []


def _actor_id() -> str:
    import ray

    return ray.get_runtime_context().get_actor_id() or ""


def _die(out: Path, how: str) -> None:
    """Exit this process because its engine died or hung. Ray replaces an exited process and repeats
    its block, but not one that raised. Raises RuntimeError, which ends the job, after more than
    MOST_DEATHS deaths."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / DEATHS).open("a") as file:
        file.write(f"{os.getpid()}\n")
    if len(set((out / DEATHS).read_text().split())) > MOST_DEATHS:
        raise RuntimeError(f"the engine {how} {MOST_DEATHS + 1} times")
    os._exit(1)

"""The rollout actor: one engine, one executor, many chains at once, as a Ray Data callable class.
The engine is vLLM, or stands behind an endpoint (`pipeline.generation.endpoint`).

A private event-loop thread runs engine and chains; each block of tasks is awaited by a thread of
its own, so blocks do not wait for each other. What a block came to is written to its file before
its summary is returned: a chain that was counted is on disk, whatever dies next, and a block that
Ray runs twice overwrites its own file.

Not here: blocks and their files (`pipeline.generation.blocks`), the pool
(`pipeline.generation.ray_job`).
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Sequence
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
from pipeline.agent.driver import SECONDS, Driver, Rollout, Usage, limits_of
from pipeline.agent.native import MakeReader
from pipeline.agent.prompt import Dialect, Writing
from pipeline.agent.transcript import ChatTemplate
from pipeline.agent.verdict import judge
from pipeline.engine.engine import EngineRefused
from pipeline.engine.tool_parsers import reader_maker
from pipeline.generation.admission import Admission
from pipeline.generation.blocks import Block
from pipeline.generation.endpoint import Endpoint, EndpointRollout, EndpointSettings
from pipeline.generation.usage import Busy
from pipeline.recipe.models import AgentSettings
from pipeline.records import FAILURES, Chain, Task

ENGINE = "pipeline.generation.vllm_engine:VllmEngine"
DEATHS = ".engine-deaths"  # file beside the chains: the process ids of actors whose engine died
MOST_DEATHS = 4  # in a row, no block made in between, before the job counts as hopeless


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """Everything that an actor needs; plain data, so it travels to any node."""

    model: str  # a folder, a hub name, or the name at the endpoint
    toolset: str
    agent: AgentSettings
    tool_parser: str | None  # None: dialect inject
    structured: bool
    stop: tuple[str, ...]
    retries: int
    temperature: float
    tolerance: float
    engine: tuple[tuple[str, Any], ...]
    section: str  # of the recipe, whose `engine` that is
    kv_cache_gib: float
    function_workers: int
    chains_in_flight: int
    out: str  # folder that the files of chains go to
    engine_class: str = ENGINE  # module:class, made of `model`, `engine` and `kv_cache_gib`
    endpoint: EndpointSettings | None = None  # where `model` is a name, and no engine is made
    writes: bool = False  # problems (`pipeline.generation.synthetic_stage`), not chains
    mark: str | None = None  # file in `out` that the driver left (`cluster.storage`)


class RolloutActor:
    """Makes chains. Called with a table of one block; returns a summary row of it."""

    def __init__(self, settings: RolloutSettings) -> None:
        if settings.mark is not None:
            storage.check(settings.mark)  # the node may have come after the driver looked
        self._settings = settings
        self._engine: Any = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="chains", daemon=True).start()
        self._rollout = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()

    async def _start(self) -> Driver:
        s = self._settings
        driver = await self._at_endpoint(s.endpoint) if s.endpoint else self._on_engine()
        self._admission = Admission(
            self._engine.capacity, s.chains_in_flight, guess=2 * s.agent.reply_tokens
        )
        self._told, self._busy = Usage(), Busy()
        return driver

    def _on_engine(self) -> Driver:
        s = self._settings
        try:
            self._engine = resolve_name(s.engine_class)(s.model, dict(s.engine), s.kv_cache_gib)
        except EngineRefused as error:
            raise EngineRefused(f"{error} (its options are {s.section}.engine)") from None
        dialect = self._dialect(reader_maker(s.tool_parser, self._engine.tokenizer))
        template = ChatTemplate(self._engine.tokenizer, dialect.tools)
        capacity = self._engine.capacity
        common = len(template.prompt_ids(dialect.prompt_messages("")))
        return Rollout(
            dialect=dialect,
            template=template,
            engine=self._engine,
            runner=self._executor(),
            limits=limits_of(s.agent, s.retries, s.stop),
            temperature=s.temperature,
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
            limits=limits_of(s.agent, retries=0),  # the endpoint's client has its own
            temperature=s.temperature,
        )

    def _executor(self) -> toolsets.Executor:
        s = self._settings
        return toolsets.Executor(toolsets.load(s.toolset), workers=s.function_workers)

    def _dialect(self, native: MakeReader | None = None) -> Dialect:
        s = self._settings
        if s.writes:
            return Writing(with_agent_tools(toolsets.load(s.toolset), thinking=False))
        return dialect_of(s.toolset, s.agent, native, s.structured)

    def __call__(self, told: pa.Table) -> dict[str, np.ndarray]:
        (block,) = (Block(**row) for row in told.to_pylist())
        path, tasks = block.chains(Path(self._settings.out)), block.tasks()
        before = {row["task_id"]: row for row in _rows(path)}
        missing = [task for task in tasks if task.task_id not in before]
        made = asyncio.run_coroutine_threadsafe(self._chains(missing), self._loop)
        chains, used, seconds = made.result()
        if self._engine.dead:
            _die(path.parent)
        rows = [self._row(task, chain) for task, chain in zip(missing, chains, strict=True)]
        whole = before | {row["task_id"]: row for row in rows}
        tables.write(path, [whole[task.task_id] for task in tasks], tables.CHAINS)
        forget_deaths(path.parent)
        return summary(rows, used, seconds) | {"engine": np.array([_actor_id()])}

    def _row(self, task: Task, chain: Chain) -> dict[str, Any]:
        verdict = judge(chain, task.problem, self._settings.tolerance)
        return tables.chain_row(chain, task.problem, verdict)

    async def _chains(self, tasks: Sequence[Task]) -> tuple[list[Chain], Usage, float]:
        """The chains, and the tokens and busy seconds of all chains since this was told before."""
        self._busy.begin()
        chains = await asyncio.gather(*(self._chain(task) for task in tasks))
        usage = self._rollout.usage
        used, self._told = usage.since(self._told), replace(usage)
        return chains, used, self._busy.end()

    async def _chain(self, task: Task) -> Chain:
        async with self._admission.chain():
            chain = await self._rollout(task)
        if chain.steps:
            last = chain.steps[-1]
            common = self._rollout.usage.common
            self._admission.held(last.prompt_tokens + last.completion_tokens - common)
        return chain


def _rows(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist() if path.exists() else []


def _actor_id() -> str:
    import ray

    return ray.get_runtime_context().get_actor_id() or ""


def forget_deaths(out: Path) -> None:
    """Begin to count the deaths of engines anew."""
    (out / DEATHS).unlink(missing_ok=True)


def _die(out: Path) -> None:
    """End this process, whose engine is dead: Ray replaces a dead process and redoes its block, but
    not one that raised. Raises RuntimeError, which ends the job, where this happened too often."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / DEATHS).open("a") as file:
        file.write(f"{os.getpid()}\n")
    if len(set((out / DEATHS).read_text().split())) > MOST_DEATHS:
        raise RuntimeError(f"the engine died {MOST_DEATHS + 1} times")
    os._exit(1)


def summary(rows: Sequence[dict[str, Any]], used: Usage, seconds: float) -> dict[str, np.ndarray]:
    """What the driver hears of a block: counts only, so its memory does not grow."""
    failures = Counter(row["failure"] for row in rows)
    counts = {
        "chains": len(rows),
        "correct": sum(row["correct"] is True for row in rows),
        **{kind: failures[kind] for kind in FAILURES},
        **used.tokens,
        SECONDS: seconds,
    }
    return {name: np.array([value]) for name, value in counts.items()}

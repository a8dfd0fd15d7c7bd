"""The rollout actor in a process of its own, with a scripted engine and a real executor; no Ray.

This file, run as a program, makes blocks of chains with one actor and prints their summaries.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import PreTrainedTokenizerFast

from cluster.storage import StorageError
from pipeline import tables
from pipeline.agent.driver import EngineError, Sampling, Usage
from pipeline.engine.engine import EngineCapacity, EngineRefused
from pipeline.generation.actor import (
    DEATHS,
    MOST_DEATHS,
    RolloutActor,
    RolloutSettings,
    forget_deaths,
    summary,
)
from pipeline.generation.blocks import Block, blocks, write_plan
from pipeline.generation.tasks import task
from pipeline.pocket.models import folder
from pipeline.recipe.models import AgentSettings
from pipeline.records import FAILURES, Problem, Reply
from tests.conftest import ROOT
from tests.pipeline.agent.scripted import ScriptedEngine
from tests.pipeline.cli import environment
from tests.pipeline.generation.chain_files import problem, row

HERE = "tests.pipeline.generation.test_actor"
SCRIPT = {
    "What is 1 and 2?": ["add(a=1, b=2)", "answer(value=3)"],
    "What is 2 and 2?": ["answer(value=5)"],
    "What is 3 and 2?": ["no call", "none either"],
    "What is 4 and 2?": ["add(a=4, b=2)", "answer(value=6)"],
}
ANSWERS = ("3", "4", "5", "6")
TASKS = [
    task(Problem(f"p{index}", "arithmetic", question, answer, "train"), "teacher", 0, seed=7)
    for index, (question, answer) in enumerate(zip(SCRIPT, ANSWERS, strict=True))
]


class Engine(ScriptedEngine):
    """Created with the same arguments as VllmEngine; `options` may say that it is dead, or why it
    is refused."""

    capacity = EngineCapacity(cache_tokens=4096, block_tokens=16, requests=4)

    def __init__(self, model: str, options: Mapping[str, Any], kv_cache_gib: float) -> None:
        if "refused" in options:
            raise EngineRefused(options["refused"])
        super().__init__(PreTrainedTokenizerFast.from_pretrained(model), SCRIPT)
        self.dead = options.get("dead", False)
        self.failures = options.get("failures", 0)
        self.hangs = asyncio.Event() if options.get("hangs") else None
        self.away: str | None = options.get("away")  # no reply to a prompt with this text

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        if self.hangs is not None:
            await self.hangs.wait()
        reply = await super().generate(prompt_token_ids, sampling)
        if self.away is not None and self.away in self.tokenizer.decode(list(prompt_token_ids)):
            raise EngineError("the engine is away")
        return reply


def settings(out: Path, **options: Any) -> RolloutSettings:
    return RolloutSettings(
        model=str(folder("teacher")),
        toolset="arithmetic[add,subtract]",
        agent=AgentSettings(think=False, max_steps=2, reply_tokens=32),
        tool_parser=None,
        structured=False,
        stop=(),
        retries=0,
        temperature=0.0,
        tolerance=0.0,
        units="ignore",
        engine=tuple(options.items()),
        section="teacher",
        kv_cache_gib=1.0,
        function_workers=1,
        chains_in_flight=8,
        out=str(out),
        engine_class=f"{HERE}:Engine",
        max_errors_in_a_row=2,
        outage_seconds=options.get("outage_seconds", 0.0),
        token_seconds=0.2,
    )


@pytest.fixture
def plan(tmp_path: Path) -> list[Block]:
    """Two blocks of two tasks."""
    return [*blocks(write_plan(tmp_path / "tasks", "teacher-000", TASKS, size=2))]


def made(out: Path, plan: Sequence[Block], **options: Any) -> subprocess.CompletedProcess[str]:
    """Make the blocks of `plan` with one actor in another process."""
    given = json.dumps([str(out), [asdict(block) for block in plan], options])
    return subprocess.run(
        [sys.executable, "-m", HERE, given],
        cwd=ROOT,
        env=environment() | {"RAY_ENABLE_AUTO_CONNECT": "0"},  # an actor's id, without a Ray
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def summaries(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows_of(block: Block, out: Path) -> list[dict[str, Any]]:
    return pq.read_table(block.chains(out)).to_pylist()


def tokens(rows: Sequence[dict[str, Any]], column: str) -> int:
    return sum(step[column] for row in rows for step in row["steps"])


def test_each_block_becomes_a_file_of_judged_chains_and_a_row_of_counts(
    plan: list[Block], tmp_path: Path
) -> None:
    out = tmp_path / "chains"
    out.mkdir()
    (out / DEATHS).write_text("1\n")
    first, second = summaries(made(out, plan))
    rows = [rows_of(block, out) for block in plan]
    assert [[row["task_id"] for row in part] for part in rows] == [
        ["p0/teacher/0", "p1/teacher/0"],
        ["p2/teacher/0", "p3/teacher/0"],
    ]
    assert [(row["correct"], row["failure"]) for part in rows for row in part] == [
        (True, None),
        (False, "wrong_answer"),
        (False, "unparseable_call"),
        (True, None),
    ]
    assert rows[0][0]["steps"][0]["result"]["content"] == "3"
    for found, part, failure in (
        (first, rows[0], "wrong_answer"),
        (second, rows[1], "unparseable_call"),
    ):
        assert found["chains"] == 2
        assert found["correct"] == found[failure] == 1
        assert sum(found[kind] for kind in FAILURES) == 1
        # each block counts the tokens of its own chains
        assert found["prompt"] == tokens(part, "prompt_tokens") > 0
        assert found["written"] == tokens(part, "completion_tokens") > 0
        assert found["engine_seconds"] > 0
    assert first["start_seconds"] == second["start_seconds"] > 0
    assert not (out / DEATHS).exists()  # a block was finished, so deaths are counted anew


def test_only_the_missing_chains_of_a_block_are_made(plan: list[Block], tmp_path: Path) -> None:
    out = tmp_path / "chains"
    there = row(TASKS[3], "wrong_answer")  # the engine would have answered correctly
    tables.write(plan[1].chains(out), [there], tables.CHAINS)
    (found,) = summaries(made(out, plan[1:]))
    assert (found["chains"], found["unparseable_call"], found["wrong_answer"]) == (1, 1, 0)
    assert [(row["task_id"], row["failure"]) for row in rows_of(plan[1], out)] == [
        ("p2/teacher/0", "unparseable_call"),
        ("p3/teacher/0", "wrong_answer"),
    ]


def test_an_actor_whose_engine_died_exits_and_writes_no_chains(
    plan: list[Block], tmp_path: Path
) -> None:
    out = tmp_path / "chains"
    done = made(out, plan, dead=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert [path.name for path in out.iterdir()] == [DEATHS]
    assert len((out / DEATHS).read_text().split()) == 1


def test_an_engine_that_hangs_is_a_dead_engine(plan: list[Block], tmp_path: Path) -> None:
    out = tmp_path / "chains"
    done = made(out, plan, hangs=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert [path.name for path in out.iterdir()] == [DEATHS]


def test_too_many_deaths_in_a_row_end_the_job(plan: list[Block], tmp_path: Path) -> None:
    out = tmp_path / "chains"
    out.mkdir()
    (out / DEATHS).write_text("".join(f"-{number}\n" for number in range(MOST_DEATHS)))
    done = made(out, plan, dead=True)
    assert "RuntimeError: the engine died 5 times" in done.stderr
    assert tables.files(out) == []


def test_errors_of_an_outage_that_ends_leave_no_trace(plan: list[Block], tmp_path: Path) -> None:
    out = tmp_path / "chains"
    first, _ = summaries(made(out, plan, failures=3, outage_seconds=60))
    assert (first["chains"], first["engine_error"]) == (2, 0)
    assert [row["failure"] for row in rows_of(plan[0], out)] == [None, "wrong_answer"]


def test_an_outage_that_lasts_ends_the_job_and_writes_no_error_as_a_result(
    plan: list[Block], tmp_path: Path
) -> None:
    out = tmp_path / "chains"
    done = made(out, plan, failures=99)
    assert done.stdout == ""
    assert "Outage: every request failed for 0 s, 2 chains in a row" in done.stderr
    assert "the last error: the engine is away" in done.stderr
    assert tables.files(out) == []


def test_the_finished_chains_of_a_block_outlive_an_outage(tmp_path: Path) -> None:
    out = tmp_path / "chains"
    tasks = [*TASKS[:3], *(task(TASKS[3].problem, "teacher", index, seed=7) for index in range(6))]
    (block,) = blocks(write_plan(tmp_path / "tasks", "teacher-000", tasks, size=9))
    done = made(out, [block], away="What is 4 and 2?", outage_seconds=1)
    assert "Outage: every request failed" in done.stderr
    kept = [row["task_id"] for row in rows_of(block, out)]
    assert kept == ["p0/teacher/0", "p1/teacher/0", "p2/teacher/0"]


def test_one_error_is_a_result(plan: list[Block], tmp_path: Path) -> None:
    out = tmp_path / "chains"
    _, second = summaries(made(out, plan, away="What is 4 and 2?"))
    assert (second["chains"], second["engine_error"]) == (2, 1)
    row = rows_of(plan[1], out)[1]
    assert (row["correct"], row["error"]) == (None, "the engine is away")


def test_deaths_are_forgotten_where_there_were_none(tmp_path: Path) -> None:
    (tmp_path / DEATHS).write_text("1\n")
    forget_deaths(tmp_path)
    forget_deaths(tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_an_option_that_the_engine_refuses_is_named_with_its_section(tmp_path: Path) -> None:
    with pytest.raises(EngineRefused) as raised:
        RolloutActor(settings(tmp_path, refused="the engine has no option max_len"))
    assert str(raised.value) == "the engine has no option max_len (options: teacher.engine)"


def test_an_actor_that_does_not_reach_the_folder_starts_no_engine(tmp_path: Path) -> None:
    marked = replace(settings(tmp_path, refused="started"), mark=str(tmp_path / ".reached-1"))
    with pytest.raises(StorageError):
        RolloutActor(marked)


def test_a_summary_counts_chains_kinds_of_failures_and_tokens() -> None:
    tasks = [task(problem(f"p{index}"), "m", 0, 7) for index in range(4)]
    failures = (None, "engine_error", "max_steps", "max_steps")
    rows = [row(each, failure) for each, failure in zip(tasks, failures, strict=True)]
    counts = summary(rows, Usage(prompt=9, cached=4, cacheable=6, written=2), seconds=1.5)
    assert {name: value.tolist() for name, value in counts.items()} == {
        "chains": [4],
        "correct": [1],
        **{kind: [0] for kind in FAILURES},
        "engine_error": [1],
        "max_steps": [2],
        "prompt": [9],
        "cached": [4],
        "cacheable": [6],
        "written": [2],
        "engine_seconds": [1.5],
    }


def test_a_block_without_new_chains_counts_nothing() -> None:
    counts = summary([], Usage(), seconds=0.0)
    assert {value.item() for value in counts.values()} == {0}


def main(out: str, plan: list[dict[str, Any]], options: dict[str, Any]) -> None:
    actor = RolloutActor(settings(Path(out), **options))
    for block in plan:
        found = actor(pa.Table.from_pylist([block]))
        print(json.dumps({name: value.item() for name, value in found.items()}))


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))

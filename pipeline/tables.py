"""Arrow schemas of the records, with a version, and reading and writing of their Parquet files.

A file is written under a temporary name and then renamed, so readers never see a half-written file.
All column names of the pipeline are defined here.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.records import Chain, Executed, PreferencePair, Problem, Step, Task, Verdict
from toolsets import ToolCall, ToolResult

VERSION = "3"  # 3: steps hold the calls of a reply with several, problems a group


def _schema(kind: str, fields: Mapping[str, pa.DataType]) -> pa.Schema:
    metadata = {"apprentice_kind": kind, "apprentice_version": VERSION}
    return pa.schema(list(fields.items()), metadata=metadata)


def _types(schema: pa.Schema) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in schema}


_TEXT, _INT = pa.string(), pa.int64()
_PROBLEM = pa.struct(
    {
        "problem_id": _TEXT,
        "task": _TEXT,
        "question": _TEXT,
        "answer": _TEXT,
        "split": _TEXT,
        "reference": pa.list_(_TEXT),
        "group": _TEXT,
    }
)
_TOOL_CALL = pa.struct(
    {"id": _TEXT, "type": _TEXT, "function": pa.struct({"name": _TEXT, "arguments": _TEXT})}
)
_MESSAGE = pa.struct(
    {
        "role": _TEXT,
        "content": _TEXT,
        "tool_calls": pa.list_(_TOOL_CALL),
        "tool_call_id": _TEXT,
    }
)
_CALL = pa.struct({"name": _TEXT, "arguments": _TEXT, "raw": _TEXT})
_RESULT = pa.struct({"ok": pa.bool_(), "content": _TEXT, "error_kind": _TEXT})
_STEP = pa.struct(
    {
        "reply": _TEXT,
        "call": _CALL,
        "result": _RESULT,
        "prompt_tokens": _INT,
        "completion_tokens": _INT,
        "parallel": pa.list_(pa.struct({"call": _CALL, "result": _RESULT})),
    }
)
_TURNS = pa.list_(pa.struct({"role": _TEXT, "content": _TEXT}))

TASKS = _schema(
    "tasks",
    {
        "task_id": _TEXT,
        "problem": _PROBLEM,
        "model": _TEXT,
        "sample_index": _INT,
        "seed": _INT,
        "prefix": pa.list_(_TEXT),  # replies to replay before the model generates
    },
)
CHAINS = _schema(
    "chains",
    {
        "task_id": _TEXT,
        "problem": _PROBLEM,
        "model": _TEXT,
        "sample_index": _INT,
        "seed": _INT,
        "messages": pa.list_(_MESSAGE),
        "steps": pa.list_(_STEP),
        "stop_reason": _TEXT,
        "answer": _TEXT,
        "error": _TEXT,
        "tokens": _INT,
        "calls": _INT,
        "correct": pa.bool_(),
        "failure": _TEXT,
        "prefix_steps": _INT,  # number of first steps replayed from another chain
    },
)
PAIRS = _schema(
    "pairs",
    {
        "prompt": _TURNS,
        "chosen": _TURNS,
        "rejected": _TURNS,
        "tools": _TEXT,  # JSON; null where the prompt describes the functions
        "pair_id": _TEXT,
        "problem_id": _TEXT,
        "strategy": _TEXT,
        "chosen_chain_id": _TEXT,
        "rejected_chain_id": _TEXT,
    },
)
# In dialect `native` a message is a JSON object, so that data sets load it unchanged: `tool_calls`
# only if present, arguments as a dict with any keys.
_MESSAGES = pa.list_(pa.json_())
SUPERVISED = _schema(
    "supervised",
    {
        "prompt": _TURNS,
        "completion": _TURNS,
        "tools": _TEXT,
        "problem_id": _TEXT,
        "chain_id": _TEXT,
    },
)

FAILED = {"failed": pa.list_(_INT)}  # places of replies in `completion` whose call failed

PAIRS_NATIVE = _schema(
    "pairs", _types(PAIRS) | dict.fromkeys(("prompt", "chosen", "rejected"), _MESSAGES)
)
SUPERVISED_NATIVE = _schema(
    "supervised", _types(SUPERVISED) | dict.fromkeys(("prompt", "completion"), _MESSAGES)
)


def write_groups(folder: Path, groups: Mapping[str, str]) -> None:
    """Write groups.json: the group of each problem that has one, for holding out its pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder / f".groups.{uuid.uuid4().hex}"
    hidden.write_text(json.dumps(groups, ensure_ascii=False), encoding="utf-8")
    hidden.replace(folder / "groups.json")


def read_groups(folder: Path) -> dict[str, str]:
    """The groups of `write_groups`; empty if there are none."""
    path = folder / "groups.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def supervised_schema(native: bool, rows: Iterable[Mapping[str, Any]]) -> pa.Schema:
    """The schema of supervised rows; the column `failed` is left out if no reply failed."""
    schema = SUPERVISED_NATIVE if native else SUPERVISED
    if not any(row.get("failed") for row in rows):
        return schema
    return _schema("supervised", _types(schema) | FAILED)


def task_row(task: Task) -> dict[str, Any]:
    """A row of TASKS."""
    return {
        "task_id": task.task_id,
        "problem": problem_row(task.problem),
        "model": task.model,
        "sample_index": task.sample_index,
        "seed": task.seed,
        "prefix": list(task.prefix),
    }


def task_of(row: Mapping[str, Any]) -> Task:
    """The task of a row of TASKS."""
    return Task(
        row["task_id"],
        problem_of(row["problem"]),
        row["model"],
        row["sample_index"],
        row["seed"],
        tuple(row["prefix"]),
    )


def problem_row(problem: Problem) -> dict[str, Any]:
    """The value of a `problem` column."""
    return {name: getattr(problem, name) for name in Problem.__slots__}


def problem_of(row: Mapping[str, Any]) -> Problem:
    """The problem of a `problem` column."""
    return Problem(**{**row, "reference": tuple(row["reference"] or ())})


def chain_row(chain: Chain, problem: Problem, verdict: Verdict) -> dict[str, Any]:
    """A row of CHAINS."""
    return {
        "task_id": chain.chain_id,
        "problem": problem_row(problem),
        "model": chain.model,
        "sample_index": chain.sample_index,
        "seed": chain.seed,
        "messages": list(chain.messages),
        "steps": [step_row(step) for step in chain.steps],
        "stop_reason": chain.stop_reason,
        "answer": chain.answer,
        "error": chain.error,
        "tokens": chain.tokens,
        "calls": chain.calls,
        "correct": verdict.correct,
        "failure": verdict.failure,
        "prefix_steps": chain.prefix_steps,
    }


def step_row(step: Step) -> dict[str, Any]:
    """A step of a row of CHAINS."""
    return {
        "reply": step.reply,
        "call": step.call and _call_row(step.call),
        "result": step.result and _result_row(step.result),
        "prompt_tokens": step.prompt_tokens,
        "completion_tokens": step.completion_tokens,
        "parallel": [
            {"call": _call_row(each.call), "result": _result_row(each.result)}
            for each in step.parallel
        ],
    }


def chain_of(row: Mapping[str, Any]) -> Chain:
    """The chain of a row of CHAINS."""
    return Chain(
        chain_id=row["task_id"],
        problem_id=row["problem"]["problem_id"],
        model=row["model"],
        sample_index=row["sample_index"],
        seed=row["seed"],
        messages=tuple(_without_nulls(message) for message in row["messages"]),
        steps=tuple(_step_of(step) for step in row["steps"]),
        stop_reason=row["stop_reason"],
        answer=row["answer"],
        error=row["error"],
        prefix_steps=row["prefix_steps"],
    )


def pair_row(pair: PreferencePair) -> dict[str, Any]:
    """A row of PAIRS."""
    row = {name: getattr(pair, name) for name in PAIRS.names}
    return row | {"tools": None if pair.tools is None else json.dumps(pair.tools)}


def write(
    path: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema, group: int | None = None
) -> None:
    """Write `rows` as the Parquet file `path`, atomically, in row groups of `group`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        pq.write_table(_table(rows, schema), hidden, row_group_size=group)
        os.replace(hidden, path)
    finally:
        hidden.unlink(missing_ok=True)


def files(folder: Path) -> list[Path]:
    """The Parquet files of `folder`, in order of their names."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


def task_ids(path: Path) -> list[str]:
    """The ids in a file of tasks or chains, in order; empty if the file does not exist."""
    if not path.exists():
        return []
    return pq.read_table(path, columns=["task_id"])["task_id"].to_pylist()


def rows(folder: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of all files of `folder`."""
    names = None if columns is None else list(columns)  # pyarrow takes no tuple
    for path in files(folder):
        table = pq.read_table(path, columns=names)
        json_columns = [field.name for field in table.schema if field.type == _MESSAGES]
        for row in table.to_pylist():
            yield row | {name: list(map(json.loads, row[name])) for name in json_columns}


def write_parts(
    folder: Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema, size: int = 10_000
) -> int:
    """Replace the files in `folder` by `rows`, `size` rows per file; returns the number of rows."""
    for path in files(folder):
        path.unlink()
    count, part = 0, []
    for row in rows:
        part.append(row)
        count += 1
        if len(part) == size:
            write(folder / f"part-{count // size - 1:05d}.parquet", part, schema)
            part = []
    if part or count == 0:
        write(folder / f"part-{count // size:05d}.parquet", part, schema)
    return count


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """JSON columns are cast from strings, as Arrow cannot build them from Python values."""
    json_columns = [field.name for field in schema if field.type == _MESSAGES]
    if not json_columns:
        return pa.Table.from_pylist(list(rows), schema)
    plain = [
        {**row, **{name: list(map(json.dumps, row[name])) for name in json_columns}} for row in rows
    ]
    strings = dict.fromkeys(json_columns, pa.list_(_TEXT))
    return pa.Table.from_pylist(plain, pa.schema(_types(schema) | strings)).cast(schema)


def executed(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every call of a step of a row of CHAINS that has a result, as rows `call` and `result`."""
    if several := step.get("parallel"):  # files of version 2 lack the column
        return several
    return [step] if step["call"] and step["result"] else []


def _step_of(row: Mapping[str, Any]) -> Step:
    return Step(
        row["reply"],
        row["call"] and _call_of(row["call"]),
        row["result"] and _result_of(row["result"]),
        row["prompt_tokens"],
        row["completion_tokens"],
        tuple(
            Executed(_call_of(each["call"]), _result_of(each["result"]))
            for each in row.get("parallel") or ()
        ),
    )


def _call_row(call: ToolCall) -> dict[str, Any]:
    return {"name": call.name, "arguments": json.dumps(call.arguments), "raw": call.raw}


def _call_of(row: Mapping[str, Any]) -> ToolCall:
    return ToolCall(row["name"], json.loads(row["arguments"]), row["raw"])


def _result_row(result: ToolResult) -> dict[str, Any]:
    return {"ok": result.ok, "content": result.content, "error_kind": result.error_kind}


def _result_of(row: Mapping[str, Any]) -> ToolResult:
    return ToolResult(row["ok"], row["content"], row["error_kind"])


def _without_nulls(message: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in message.items() if v is not None or k == "content"}

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import tables
from pipeline.agent.prompt import canonical
from pipeline.generation.outcomes import outcomes
from pipeline.records import (
    FAILURES,
    Chain,
    Executed,
    PreferencePair,
    Problem,
    Step,
    StopReason,
    Task,
    Verdict,
)
from toolsets import ToolCall, ToolResult

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
COUNT = st.integers(0, 2**40)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
CALLS = st.builds(
    ToolCall, name=TEXT, arguments=st.dictionaries(TEXT, VALUES, max_size=3), raw=TEXT
)
RESULTS = st.builds(
    ToolResult,
    ok=st.booleans(),
    content=TEXT,
    error_kind=st.none() | st.sampled_from(["bad_arguments", "function_error"]),
)
STEPS = st.builds(
    Step,
    reply=TEXT,
    call=st.none() | CALLS,
    result=st.none() | RESULTS,
    prompt_tokens=COUNT,
    completion_tokens=COUNT,
    parallel=st.lists(st.builds(Executed, CALLS, RESULTS), max_size=3).map(tuple),
)
PROBLEMS = st.builds(
    Problem,
    problem_id=TEXT,
    task=TEXT,
    question=TEXT,
    answer=TEXT,
    split=st.sampled_from(["train", "test", "ood"]),
    reference=st.lists(TEXT, max_size=3).map(tuple),
)
TASKS = st.builds(
    Task,
    task_id=TEXT,
    problem=PROBLEMS,
    model=TEXT,
    sample_index=COUNT,
    seed=COUNT,
    prefix=st.lists(TEXT, max_size=3).map(tuple),
)


@st.composite
def chains(draw: st.DrawFn, problem: Problem) -> Chain:
    steps = tuple(draw(st.lists(STEPS, max_size=4)))
    prompt = {"role": "system", "content": draw(TEXT)}, {"role": "user", "content": draw(TEXT)}
    return Chain(
        chain_id=draw(TEXT),
        problem_id=problem.problem_id,
        model=draw(TEXT),
        sample_index=draw(COUNT),
        seed=draw(COUNT),
        messages=(*prompt, *canonical(steps)),
        steps=steps,
        stop_reason=draw(st.sampled_from(get_args(StopReason))),
        answer=draw(st.none() | TEXT),
        error=draw(st.none() | TEXT),
        prefix_steps=draw(st.integers(0, len(steps))),
    )


@st.composite
def judged_chains(draw: st.DrawFn) -> tuple[Chain, Problem, Verdict]:
    problem = draw(PROBLEMS)
    chain = draw(chains(problem))
    correct = draw(st.none() | st.booleans())
    failure = draw(st.none() | st.sampled_from(FAILURES))
    return chain, problem, Verdict(chain.chain_id, correct, problem.answer, chain.answer, failure)


def _through_arrow(row: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    (read,) = pa.Table.from_pylist([row], schema=schema).to_pylist()
    return read


@given(TASKS)
def test_a_task_round_trips(task: Task) -> None:
    assert tables.task_of(_through_arrow(tables.task_row(task), tables.TASKS)) == task


@given(judged_chains())
def test_a_chain_round_trips(judged: tuple[Chain, Problem, Verdict]) -> None:
    chain, problem, verdict = judged
    row = _through_arrow(tables.chain_row(chain, problem, verdict), tables.CHAINS)
    assert tables.chain_of(row) == chain
    assert tables.problem_of(row["problem"]) == problem
    assert (row["correct"], row["failure"]) == (verdict.correct, verdict.failure)
    written = chain.steps[chain.prefix_steps :]  # without replayed steps, which another model wrote
    assert row["tokens"] == sum(step.completion_tokens for step in written)


def test_the_count_of_calls_excludes_the_answer_and_unparseable_calls() -> None:
    call = ToolCall("add", {"a": 1, "b": 2}, "add(a=1, b=2)")
    steps = (
        Step("add(a=1", None, ToolResult(False, "no call", "unparseable_call")),
        Step("add(a=1, b=2)", call, ToolResult(True, "3")),
        Step("answer(value=3)", ToolCall("answer", {"value": 3}, ""), None),
    )
    chain = Chain("c", "p", "m", 0, 0, (), steps, "answer", "3")
    problem = Problem("p", "arithmetic", "1 + 2?", "3", "train")
    assert tables.chain_row(chain, problem, Verdict("c", True, "3", "3", None))["calls"] == 1


def test_each_call_of_a_reply_with_several_is_counted() -> None:
    one = ToolCall("add", {"a": 1, "b": 2}, ""), ToolResult(True, "3")
    both = Step("both", *one, parallel=(Executed(*one), Executed(*one)))
    assert Chain("c", "p", "m", 0, 0, (), (both,), "max_steps").calls == 2


def test_chains_written_before_replies_could_hold_several_calls_are_read(tmp_path: Path) -> None:
    call, result = ToolCall("add", {"a": 1, "b": 2}, ""), ToolResult(True, "3")
    steps = (Step("add(a=1, b=2)", call, result),)
    chain = Chain("c", "p", "m", 0, 0, (), steps, "max_steps")
    problem = Problem("p", "arithmetic", "1 + 2?", "3", "train")
    row = tables.chain_row(chain, problem, Verdict("c", False, "3", None, "max_steps"))
    for step in row["steps"]:
        del step["parallel"]
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "old.parquet")
    (read,) = tables.rows(tmp_path)
    assert tables.chain_of(read).steps == steps
    assert tables.executed(read["steps"][0])[0]["result"]["content"] == "3"
    assert outcomes(tmp_path)["replies"]["m"]["calling"] == 1


PAIR = PreferencePair(
    pair_id="0f",
    problem_id="p",
    prompt=({"role": "system", "content": "s"}, {"role": "user", "content": "1 + 2?"}),
    chosen=({"role": "assistant", "content": "answer(value=3)"},),
    rejected=({"role": "assistant", "content": "answer(value=4)"},),
    tools=None,
    strategy="outcome",
    chosen_chain_id="c",
    rejected_chain_id="r",
)


def test_a_pair_has_the_columns_that_trl_reads() -> None:
    row = _through_arrow(tables.pair_row(PAIR), tables.PAIRS)
    assert row == {
        "prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "1 + 2?"}],
        "chosen": [{"role": "assistant", "content": "answer(value=3)"}],
        "rejected": [{"role": "assistant", "content": "answer(value=4)"}],
        "tools": None,
        "pair_id": "0f",
        "problem_id": "p",
        "strategy": "outcome",
        "chosen_chain_id": "c",
        "rejected_chain_id": "r",
    }
    tools = ({"type": "function", "function": {"name": "add"}},)
    row = tables.pair_row(replace(PAIR, tools=tools))
    assert json.loads(row["tools"]) == list(tools)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        (tables.TASKS, b"tasks"),
        (tables.CHAINS, b"chains"),
        (tables.PAIRS, b"pairs"),
        (tables.SUPERVISED, b"supervised"),
    ],
)
def test_an_empty_file_has_the_schema_its_kind_and_version(
    schema: pa.Schema, kind: bytes, tmp_path: Path
) -> None:
    tables.write(tmp_path / "empty.parquet", [], schema)
    stored = pq.read_schema(tmp_path / "empty.parquet")
    assert stored.equals(schema)
    assert stored.metadata[b"apprentice_kind"] == kind
    assert stored.metadata[b"apprentice_version"] == tables.VERSION.encode()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_rows_that_do_not_fit_leave_the_old_file_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    tables.write(path, [tables.pair_row(PAIR)], tables.PAIRS)
    with pytest.raises(pa.ArrowTypeError):
        tables.write(path, [{"pair_id": ["not", "a", "text"]}], tables.PAIRS)
    assert _names(tmp_path) == ["pairs.parquet"]
    assert [row["pair_id"] for row in tables.rows(tmp_path)] == ["0f"]


def test_a_write_that_fails_on_renaming_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "pairs.parquet").mkdir()  # so that the final rename fails
    with pytest.raises(IsADirectoryError):
        tables.write(tmp_path / "pairs.parquet", [tables.pair_row(PAIR)], tables.PAIRS)
    assert _names(tmp_path) == ["pairs.parquet"]


def test_a_write_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "pairs.parquet"
    for _ in range(2):
        tables.write(path, [tables.pair_row(PAIR)], tables.PAIRS)
    assert _names(path.parent) == ["pairs.parquet"]
    assert len(list(tables.rows(path.parent))) == 1


def test_half_written_files_of_a_killed_process_are_not_read(tmp_path: Path) -> None:
    tables.write(tmp_path / "a.parquet", [tables.pair_row(PAIR)], tables.PAIRS)
    (tmp_path / ".b.parquet").write_bytes(b"PAR1")
    (tmp_path / ".c.parquet.1234abcd").write_bytes(b"PAR1")
    assert [path.name for path in tables.files(tmp_path)] == ["a.parquet"]
    assert len(list(tables.rows(tmp_path))) == 1


def test_a_missing_folder_has_no_rows(tmp_path: Path) -> None:
    assert list(tables.rows(tmp_path / "nowhere")) == []


def test_rows_come_in_order_of_file_names_with_the_requested_columns(tmp_path: Path) -> None:
    for name in ("b", "a"):
        row = tables.pair_row(PAIR) | {"pair_id": name}
        tables.write(tmp_path / f"{name}.parquet", [row], tables.PAIRS)
    assert list(tables.rows(tmp_path, ["pair_id"])) == [{"pair_id": "a"}, {"pair_id": "b"}]


@given(count=st.integers(0, 12), size=st.integers(1, 5))
def test_parts_contain_all_rows_in_order_and_replace_old_ones(
    count: int, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    tables.write(folder / "part-99999.parquet", [tables.pair_row(PAIR)], tables.PAIRS)
    rows = [tables.pair_row(PAIR) | {"pair_id": str(index)} for index in range(count)]
    assert tables.write_parts(folder, iter(rows), tables.PAIRS, size) == count
    assert [row["pair_id"] for row in tables.rows(folder)] == [row["pair_id"] for row in rows]
    parts = max(1, -(-count // size))
    assert _names(folder) == [f"part-{index:05d}.parquet" for index in range(parts)]


@pytest.mark.parametrize("native", [False, True])
def test_supervised_rows_name_failed_replies_only_if_there_are_any(
    native: bool, tmp_path: Path
) -> None:
    turn = {"role": "assistant", "content": "add(1"}
    row = {"prompt": [turn], "completion": [turn], "tools": None, "problem_id": "p"}
    row |= {"chain_id": "c", "failed": []}
    for name, failed in (("none", []), ("some", [0])):
        rows = [row, row | {"failed": failed}]
        tables.write_parts(tmp_path / name, rows, tables.supervised_schema(native, rows))
    assert ["failed" in read for read in tables.rows(tmp_path / "none")] == [False, False]
    assert [read["failed"] for read in tables.rows(tmp_path / "some")] == [[], [0]]
    assert [read["completion"] for read in tables.rows(tmp_path / "some")] == [[turn], [turn]]

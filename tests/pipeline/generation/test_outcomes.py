"""Counts of chains, worked out by hand from a few files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import tables
from pipeline.generation.outcomes import (
    ENOUGH,
    no_calls_warning,
    outcomes,
    verdicts,
    written_tokens,
)
from pipeline.generation.tasks import continuations, task
from pipeline.records import Chain, Step
from tests.pipeline.generation.chain_files import problem, row

P1, P2 = problem("p1"), problem("p2")
STUDENTS = Chain("p1/student/0", "p1", "student", 0, 0, (), (Step("a", None, None),) * 3, "answer")
AFTER_1, AFTER_2 = continuations(P1, "teacher", STUDENTS, seed=7)


def made(folder: Path, *rows: dict[str, Any]) -> Path:
    """A folder with these chains, each in its own file."""
    for index, each in enumerate(rows):
        tables.write(folder / f"part-{index:02d}.parquet", [each], tables.CHAINS)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(
        tmp_path,
        row(task(P1, "teacher", 0, 7), None, ["add", "answer"], tokens=5),
        row(task(P1, "teacher", 1, 7), "wrong_answer", ["think", "answer"], tokens=4),
        row(task(P2, "teacher", 0, 7), "engine_error", ["add"], tokens=3),
        row(task(P2, "teacher", 1, 7), "max_steps", [None, None, "add"], tokens=2),
        row(AFTER_1, None, ["add", "add", "answer"], tokens=1),
        row(AFTER_2, "wrong_answer", ["answer"]),
        row(task(P2, "student", 0, 7), "unparseable_call", [None], tokens=9),
    )


def test_verdicts_are_those_of_one_model_without_continued_chains(folder: Path) -> None:
    assert verdicts(folder, "teacher") == {"p1": [True, False], "p2": [None, False]}
    assert verdicts(folder, "student") == {"p2": [False]}
    assert verdicts(folder, "stranger") == {}


def test_written_tokens_are_those_of_all_steps_without_continued_chains(folder: Path) -> None:
    assert written_tokens(folder) == {
        "teacher": {"p1": [10, 8], "p2": [3, 6]},
        "student": {"p2": [9]},
    }


def test_chains_failures_and_replies_are_counted(folder: Path) -> None:
    counts = outcomes(folder)
    assert counts["rows_out"] == 7
    assert counts["chains"] == {
        "teacher": 4,
        "teacher right": 1,
        "teacher continued": 2,
        "teacher continued right": 1,
        "student": 1,
        "student right": 0,
    }
    assert counts["failures"] == {
        "wrong_answer": 2,
        "engine_error": 1,
        "max_steps": 1,
        "unparseable_call": 1,
    }
    # the engine error is not the teacher's; answer and think are no functions of the toolset
    assert counts["replies"] == {
        "teacher": {"chains": 3, "answered": 2, "calling": 2},
        "teacher continued": {"chains": 2, "answered": 2, "calling": 1},
        "student": {"chains": 1, "answered": 1, "calling": 0},
    }


def test_a_folder_without_chains_has_no_counts(tmp_path: Path) -> None:
    assert outcomes(tmp_path) == {"rows_out": 0, "chains": {}, "failures": {}, "replies": {}}
    assert verdicts(tmp_path, "teacher") == written_tokens(tmp_path) == {}


def test_a_teacher_that_calls_no_function_gives_a_warning_with_advice() -> None:
    replies = {"teacher": {"chains": 1200, "answered": 900, "calling": 0}}
    assert no_calls_warning(replies, native=False) == (
        "the teacher called no function in any of its 1,200 chains, of which 900 ended with an "
        "answer: dialect=native with tool_parser (agent.*), few-shot examples in agent.examples, "
        "or another teacher may help"
    )
    few = {"teacher": {"chains": ENOUGH, "answered": 0, "calling": 0}}
    assert "another tool_parser or dialect=inject (agent.*)" in str(no_calls_warning(few, True))


@pytest.mark.parametrize(
    "replies",
    [
        {},
        {"student": {"chains": ENOUGH, "answered": 0, "calling": 0}},
        {"teacher": {"chains": ENOUGH, "answered": 0, "calling": 1}},
        {"teacher": {"chains": ENOUGH - 1, "answered": 0, "calling": 0}},
    ],
    ids=["no chains", "no chains of the teacher", "one chain calls", "too few to know"],
)
def test_otherwise_there_is_no_warning(replies: dict[str, dict[str, int]]) -> None:
    assert no_calls_warning(replies, native=False) is None

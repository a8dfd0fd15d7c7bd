"""Read problems from files and data sets, assign splits, collect bad rows as rejects.

    source = read_problems("../shared/data/gsm8k/train.jsonl", limit=200)
    source.problems, source.rejects, source.format

Reading continues after a bad row. If no problem can be read, ProblemError is raised; its message is
one sentence that names the path.

Not here: containers and formats (`pipeline.problems.formats`), the pocket world
(`pipeline.pocket`).
"""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.hashing import stable_hash
from pipeline.problems.decontamination import Overlap, contaminated, overlap_reason
from pipeline.problems.formats import FIELDS, FORMATS, BadRow, RowFormat
from pipeline.problems.formats.columns import Columns, group_field, mapped_fields
from pipeline.problems.formats.files import rows_of, source_name
from pipeline.problems.formats.row import ProblemError, Row, known_split
from pipeline.problems.reference.calculations import replay
from pipeline.problems.reference.formulas import count_formulas
from pipeline.records import Problem
from toolsets import Toolset
from toolsets.errors import nearest

PEEK = 100  # rows used to detect the format
EVALUATED = {"test", "ood"}  # splits whose chains are in one folder

__all__ = [
    "ProblemError",
    "ProblemFile",
    "Reject",
    "decontaminated",
    "read_problems",
    "summarise",
    "write_rejects",
]


@dataclass(frozen=True, slots=True)
class Reject:
    """A rejected row: 1-based line (or row) number, reason, the row as text."""

    line: int
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class ProblemFile:
    """Problems and rejects of one source. `format` is the name of the row format, `lines` maps a
    problem's split and id to its line, `contaminated` counts the problems dropped by
    decontamination, by kind of overlap (`pipeline.problems.decontamination`)."""

    problems: tuple[Problem, ...]
    rejects: tuple[Reject, ...]
    format: str
    lines: Mapping[tuple[str, str], int] = field(default_factory=dict)
    contaminated: Mapping[str, int] = field(default_factory=dict)


def read_problems(
    path: str | Sequence[str],
    *,
    test_path: str | None = None,
    format: str | None = None,
    columns: Columns | None = None,
    group: str | None = None,
    limit: int | None = None,
    test_fraction: float = 0.1,
    split: str | None = None,
) -> ProblemFile:
    """Read the problems of `path`: a file, several, a folder of files or of a data set, or
    `hf:NAME[:SPLIT]`; those of `test_path` are of split "test", the others then of "train".

    Without `format` the format is detected from the rows. `columns` maps our fields to their
    columns, `group` names the column of their groups. A problem without a split goes to "test" if
    the hash of its group, else of its id, as a fraction, is below `test_fraction`, else to "train".
    `split` drops the problems of other splits. Reading stops once `limit` problems are read. Raises
    ProblemError if the source cannot be read, has no rows or only bad ones.
    """
    columns = columns or {}
    _check_options(format, columns)
    source, where = rows_of(path, test_path), source_name(path, test_path)
    row_format, source = (FORMATS[format], source) if format else _detect_format(source, columns)
    rejects: list[Reject] = []
    lines: dict[tuple[str, str], int] = {}

    def read(row: Row) -> Problem:
        return _read_row(row, row_format, columns, group, test_fraction)

    of_all_splits = _read_rows(source, read, rejects, lines)
    selected = (problem for problem in of_all_splits if split in (None, problem.split))
    problems = tuple(itertools.islice(selected, limit))
    if not problems:
        raise ProblemError(_no_problems_message(where, rejects, split))
    return ProblemFile(problems, tuple(rejects), row_format.name, lines)


def decontaminated(source: ProblemFile, ngram: int | None) -> ProblemFile:
    """Move the contaminated training problems of `source` to its rejects; None drops nothing."""
    overlaps = {} if ngram is None else contaminated(source.problems, ngram)
    dropped = [p for p in source.problems if p.split == "train" and p.problem_id in overlaps]
    rejects = [_overlap_reject(p, *overlaps[p.problem_id], source.lines) for p in dropped]
    ids = {problem.problem_id for problem in dropped}
    return replace(
        source,
        problems=tuple(p for p in source.problems if p.split != "train" or p.problem_id not in ids),
        rejects=(*source.rejects, *rejects),
        contaminated={"exact": 0, "ngram": 0} | Counter(how for how, _ in overlaps.values()),
    )


def write_rejects(rejects: Iterable[Reject], folder: Path) -> Path:
    """Write `folder`/problems.jsonl atomically, one line per reject; empty without rejects."""
    folder.mkdir(parents=True, exist_ok=True)
    path, unfinished = folder / "problems.jsonl", folder / f".problems.{os.getpid()}.tmp"
    lines = (json.dumps(asdict(reject), ensure_ascii=False) for reject in rejects)
    unfinished.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.replace(unfinished, path)
    return path


def summarise(problem_file: ProblemFile, toolset: Toolset) -> dict[str, Any]:
    """The counts that `python -m pipeline problems FILE --json` prints.

    `reference_calls_exact`: calculations whose replayed value equals the annotated value;
    `reference_calls_as_evaluated`: equals the value computed without the toolset. Logic problems
    add the counts of `pipeline.problems.reference.formulas.count_formulas`.
    """
    problems = problem_file.problems
    replays = [replay(problem, toolset) for problem in problems]
    calculations = [step for replayed in replays for step in replayed.calculations]
    return {
        "read": len(problems),
        "rejected": len(problem_file.rejects),
        "with_reference": sum(bool(problem.reference) for problem in problems),
        "reference_calls": len(calculations),
        "reference_calls_exact": sum(step.exact for step in calculations),
        "reference_answer_matches": sum(replayed.ends_at_answer for replayed in replays),
        "reference_calls_as_evaluated": sum(step.lossless for step in calculations),
        "format": problem_file.format,
        "splits": dict(sorted(Counter(problem.split for problem in problems).items())),
    } | count_formulas(problems)


def _overlap_reject(
    problem: Problem, how: Overlap, other: Problem, lines: Mapping[tuple[str, str], int]
) -> Reject:
    reason = f"{overlap_reason(how, other)} ({how})"
    line = lines.get(("train", problem.problem_id), 0)  # 0: generated, not read from a file
    return Reject(line, reason, json.dumps(asdict(problem), ensure_ascii=False))


def _check_options(format: str | None, columns: Columns) -> None:
    if format is not None and format not in FORMATS:
        raise ProblemError(f"unknown problem format {format!r}; known: {', '.join(FORMATS)}")
    for ours in columns:
        if ours not in FIELDS:
            hint = f", did you mean {near}?" if (near := nearest(ours, FIELDS)) else ""
            known = ", ".join(FIELDS)
            raise ProblemError(f"columns: {ours!r} is not a known field{hint} (known: {known})")


def _detect_format(source: Iterator[Row], columns: Columns) -> tuple[RowFormat, Iterator[Row]]:
    first = list(itertools.islice(source, PEEK))
    for row_format in FORMATS.values():
        if any(_matches(row_format, row, columns) for row in first):
            return row_format, itertools.chain(first, source)
    return FORMATS["generic"], itertools.chain(first, source)


def _matches(row_format: RowFormat, row: Row, columns: Columns) -> bool:
    try:
        return row_format.matches(mapped_fields(row.values, columns))
    except BadRow:
        return False


def _read_rows(
    source: Iterator[Row],
    read: Callable[[Row], Problem],
    rejects: list[Reject],
    lines: dict[tuple[str, str], int],
) -> Iterator[Problem]:
    """Yield the problems; ids are unique in each split, and in all splits that are evaluated."""
    for row in source:
        try:
            problem = _with_own_id(read(row), lines)
        except BadRow as bad:
            where = f"{row.file}: " if row.file else ""
            rejects.append(Reject(row.line, where + str(bad), row.as_text))
            continue
        lines[problem.split, problem.problem_id] = row.line
        yield problem


def _with_own_id(problem: Problem, lines: Mapping[tuple[str, str], int]) -> Problem:
    name, split = problem.problem_id, problem.split
    if split != "train" and any((other, name) in lines for other in EVALUATED - {split}):
        problem = replace(problem, problem_id=f"{name}-{split}")
    if (line := lines.get((split, problem.problem_id))) is not None:
        raise BadRow(f"problem_id {name} was already read on line {line}")
    return problem


def _read_row(
    row: Row, row_format: RowFormat, columns: Columns, group: str | None, test_fraction: float
) -> Problem:
    if row.reason:
        raise BadRow(row.reason)
    problem = row_format.read(mapped_fields(row.values, columns))
    if group is not None:
        problem = replace(problem, group=group_field(row.values, group))
    if row.only_test and problem.split == "train":
        raise BadRow("field split is train, but the row is of problems.test_path")
    held_out = stable_hash(problem.group or problem.problem_id) < test_fraction * 2**64
    by_hash = "test" if held_out else "train"
    return replace(problem, split=problem.split or known_split(row.split) or by_hash)


def _no_problems_message(path: str, rejects: list[Reject], split: str | None) -> str:
    if rejects:
        return (
            f"{path} has no usable row; the first of {len(rejects):,} bad ones is "
            f"line {rejects[0].line}: {rejects[0].reason}"
        )
    return f"{path} has no problem of split {split!r}" if split else f"{path} has no rows"

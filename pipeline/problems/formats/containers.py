"""Containers that yield rows: JSON, CSV and Parquet files, Hugging Face data sets.

    rows("problems.jsonl")       a file; its kind is detected from the name's ending and the content
    rows("my_folder")            a data set written by datasets.save_to_disk
    rows("hf:NAME[@REVISION][:SPLIT]")   a data set of the hub; NAME may be OWNER/NAME/CONFIG

An unreadable row is yielded with the reason; an unreadable container raises ProblemError. The
splits of a data set are interleaved row by row, so that a limit takes rows of each. Rows of a data
set with a single split, or of a split selected by name, have no split.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.problems.formats.arrow_rows import dataset_rows, first_line, parquet_rows
from pipeline.problems.formats.delimited import TAB_ENDINGS, delimited_rows
from pipeline.problems.formats.json_rows import element_rows, jsonl_rows, spans_lines
from pipeline.problems.formats.row import ProblemError, Row

HUB = "hf:"
JSON_ENDINGS = (".jsonl", ".json", ".ndjson")
PEEK = 65_536  # bytes read to detect a file's kind


def rows(path: str) -> Iterator[Row]:
    """Yield the rows of `path` in order; may raise ProblemError after some rows."""
    if path.startswith(HUB):
        yield from _hub_rows(path)
        return
    file = Path(path)
    try:
        yield from _folder_rows(file) if file.is_dir() else _file_rows(file)
    except FileNotFoundError:
        raise ProblemError(f"problem file {path} does not exist") from None
    except OSError as error:
        raise ProblemError(f"problem file {path} cannot be read: {error.strerror}") from None


def _file_rows(file: Path) -> Iterator[Row]:
    with file.open("rb") as stream:
        start = stream.read(PEEK)
    if not start.strip():
        raise ProblemError(f"problem file {file} is empty")
    if start.startswith(b"PAR1"):
        return parquet_rows(file)
    if not _is_json(file, start):
        return delimited_rows(file)
    return element_rows(file) if spans_lines(start) else jsonl_rows(file)


def _is_json(file: Path, start: bytes) -> bool:
    text = start.removeprefix(b"\xef\xbb\xbf")
    kind = file.suffix.lower()
    return kind in JSON_ENDINGS or (
        kind not in (".csv", *TAB_ENDINGS)
        and (
            any(line.strip().startswith(b"{") for line in text.splitlines())
            or text.translate(None, b" \t\r\n").startswith(b"[{")
        )
    )


def _folder_rows(folder: Path) -> Iterator[Row]:
    import datasets

    try:
        loaded = datasets.load_from_disk(str(folder))
    except FileNotFoundError:
        message = f"folder {folder} is not a data set written by datasets.save_to_disk"
        raise ProblemError(message) from None
    return _dataset_rows(loaded)


def _hub_rows(path: str) -> Iterator[Row]:
    import datasets

    repository, config, revision, split = hub_address(path)
    try:
        loaded = datasets.load_dataset(repository, config, revision=revision, split=split)
    except (OSError, ValueError) as error:
        raise ProblemError(f"data set {path} cannot be loaded: {first_line(error)}") from None
    yield from _dataset_rows(loaded)


def hub_address(path: str) -> tuple[str, str | None, str | None, str | None]:
    """Repository, configuration, revision and split of `hf:OWNER/NAME/CONFIG@REVISION:SPLIT`."""
    place, _, split = path.removeprefix(HUB).partition(":")
    name, _, revision = place.partition("@")
    parts = name.split("/")
    return "/".join(parts[:2]), "/".join(parts[2:]) or None, revision or None, split or None


def _dataset_rows(loaded: Any) -> Iterator[Row]:
    if not isinstance(loaded, dict):
        return dataset_rows(loaded)
    if len(loaded) == 1:
        return dataset_rows(*loaded.values())
    return interleaved([dataset_rows(part, split) for split, part in loaded.items()])


def interleaved(parts: list[Iterator[Row]]) -> Iterator[Row]:
    """Yield the rows of all parts, one of each in turn."""
    while parts:
        for part in list(parts):
            if (row := next(part, None)) is None:
                parts.remove(part)
            else:
                yield row

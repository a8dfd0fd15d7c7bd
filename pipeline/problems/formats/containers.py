"""Containers that yield rows: JSONL, CSV and Parquet files, Hugging Face data sets.

    rows("problems.jsonl")       a file; its kind is detected from the name's ending and the content
    rows("my_folder")            a data set written by datasets.save_to_disk
    rows("hf:NAME[:SPLIT]")      a data set of the hub; NAME may be OWNER/NAME/CONFIG

An unreadable row is yielded with the reason; an unreadable container raises ProblemError. The
splits of a data set are interleaved row by row, so that a limit takes rows of each. Rows of a data
set with a single split, or of a split selected by name, have no split.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.problems.formats.row import Row

HUB = "hf:"
PEEK = 65_536  # bytes read to detect a file's kind


class ProblemError(ValueError):
    """No problems can be read; the message is one sentence for the operator."""


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
        return _parquet_rows(file)
    return _jsonl_rows(file) if _is_jsonl(file, start) else _csv_rows(file)


def _is_jsonl(file: Path, start: bytes) -> bool:
    lines = [line.strip() for line in start.removeprefix(b"\xef\xbb\xbf").splitlines()]
    kind = file.suffix.lower()
    return kind in (".jsonl", ".json", ".ndjson") or (
        kind not in (".csv", ".tsv") and any(line.startswith(b"{") for line in lines)
    )


def _jsonl_rows(file: Path) -> Iterator[Row]:
    with file.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            line = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if line.strip():
                yield _json_row(number, line.rstrip(b"\r\n"))


def _json_row(number: int, line: bytes) -> Row:
    text = line.decode("utf-8", errors="replace")
    try:
        values = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Row(number, {}, text, reason=f"not UTF-8: byte {error.start + 1} of the line")
    except (ValueError, RecursionError) as error:
        return Row(number, {}, text, reason=f"not valid JSON: {error}")
    if not isinstance(values, dict):
        return Row(number, {}, text, reason="not a JSON object")
    return Row(number, values, text)


def _csv_rows(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        first = stream.readline()
        stream.seek(0)
        reader = csv.reader(stream, delimiter=max(",;\t", key=first.count))
        records = _csv_records(reader)
        header = next(records)[1]
        if isinstance(header, csv.Error):
            raise ProblemError(f"problem file {file} is neither JSONL, CSV nor Parquet")
        names = [name.strip() for name in header]
        for line, record in records:
            if record != []:
                yield _csv_row(line, names, record)


def _csv_records(reader: Any) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Yield each record with its first line number; a record may span lines."""
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except csv.Error as error:
            yield line, error
        except StopIteration:
            return


def _csv_row(line: int, names: list[str], record: list[str] | csv.Error) -> Row:
    if isinstance(record, csv.Error):
        return Row(line, {}, reason=f"not valid CSV: {record}")
    text = ",".join(record)
    if (clean := text.encode(errors="surrogateescape").decode(errors="replace")) != text:
        return Row(line, {}, clean, reason="not UTF-8")
    if len(record) != len(names):
        reason = f"the header has {len(names)} fields, this row {len(record)}"
        return Row(line, {}, text, reason=reason)
    return Row(line, dict(zip(names, record, strict=True)))


def _parquet_rows(file: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as parquet:
            batches = (batch.to_pylist() for batch in parquet.iter_batches(batch_size=1024))
            yield from _numbered(row for batch in batches for row in batch)
    except pa.ArrowException as error:
        message = f"problem file {file} is not readable Parquet: {_first_line(error)}"
        raise ProblemError(message) from None


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

    name, _, split = path.removeprefix(HUB).partition(":")
    parts = name.split("/")
    repository, config = "/".join(parts[:2]), "/".join(parts[2:]) or None
    try:
        loaded = datasets.load_dataset(repository, config, split=split or None)
    except (OSError, ValueError) as error:
        raise ProblemError(f"data set {path} cannot be loaded: {_first_line(error)}") from None
    yield from _dataset_rows(loaded)


def _dataset_rows(loaded: Any) -> Iterator[Row]:
    if not isinstance(loaded, dict):
        return _numbered(loaded)
    if len(loaded) == 1:
        return _numbered(*loaded.values())
    return _interleaved([_numbered(part, split) for split, part in loaded.items()])


def _numbered(records: Iterable[dict[str, Any]], split: str = "") -> Iterator[Row]:
    for number, values in enumerate(records, 1):
        yield Row(number, values, split=split)


def _interleaved(parts: list[Iterator[Row]]) -> Iterator[Row]:
    while parts:
        for part in list(parts):
            if (row := next(part, None)) is None:
                parts.remove(part)
            else:
                yield row


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")

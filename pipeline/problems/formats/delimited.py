"""Rows of CSV and TSV files (RFC 4180; comma, semicolon or tab).

A field in quotes may hold delimiters, line ends and doubled quotes; spaces around it are ignored. A
quote inside an unquoted field is text (`a 5" pipe`). The csv module is not used: for a stray quote
it joins the following rows without an error.

A record that can be read in two ways, or in none, is a bad row whose reason names the line where
the quote opens. Reading resumes on the next line if that quote is clearly stray: every line that
it spans is a whole row by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from pipeline.problems.formats.row import ProblemError, Row

DELIMITERS = ",;\t"
TAB_ENDINGS = (".tsv", ".tab")
FIELD_LIMIT = 131_072  # characters, as in the csv module; bounds what a stray quote may span
SAMPLE = 65_536  # characters used to detect the delimiter
ADVICE = "remove a stray quote, or put the field in quotes and double each quote in it"

_OPENING = re.compile(r' *"')
_QUOTED = re.compile(r'([^"]*+(?:""[^"]*+)*+)"(?!") *')
_OPEN = "is not closed"
_TOO_LONG = f"is not closed within {FIELD_LIMIT:,} characters"
_CONTINUED = "is closed by a quote with text behind it"


def delimited_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a CSV or TSV file; raises ProblemError if its header cannot be read."""
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        delimiter = _delimiter(file, stream)
        lines = _Lines(stream)
        header = next(_records(lines, _Shape(delimiter)), None)
        if header is None or header.reason:
            raise ProblemError(f"problem file {file} is neither JSON, CSV nor Parquet")
        names = [name.strip() for name in header.fields]
        spaced = any(name.startswith(" ") for name in header.fields)
        for record in _records(lines, _Shape(delimiter, len(names), spaced)):
            yield _row(record, names)


@dataclass(frozen=True, slots=True)
class _Shape:
    """The delimiter, and of the header the number of fields and whether spaces begin them."""

    delimiter: str
    width: int = 0
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class _Record:
    """A record: its first line number, its fields, or the reason why it cannot be read."""

    line: int
    fields: list[str] = field(default_factory=list)
    text: str = ""
    reason: str = ""


class _Lines:
    """The lines of a stream with their numbers; lines can be put back."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._back: list[str] = []
        self.number = 0

    def next(self) -> str:
        """The next line with its end; empty at the end of the stream."""
        line = self._back.pop() if self._back else self._stream.readline()
        self.number += bool(line)
        return line

    def put_back(self, lines: list[str]) -> None:
        """Return the last `lines` to the stream."""
        self._back += reversed(lines)
        self.number -= len(lines)


def _records(lines: _Lines, shape: _Shape) -> Iterator[_Record]:
    """Yield the non-blank records."""
    while line := lines.next():
        if line.strip("\r\n"):
            yield _record(line, lines, shape)


def _record(first: str, lines: _Lines, shape: _Shape) -> _Record:
    """The record that begins with the line `first`; reads further lines if a quote is open."""
    start, parts, length = lines.number, [first], len(first)
    fields, fault = _fields(first, shape.delimiter)
    while fault is _OPEN and (line := lines.next()):
        parts.append(line)
        length += len(line)
        if length > FIELD_LIMIT:
            fault = _TOO_LONG
        elif '"' in line:
            fields, fault = _fields("".join(parts), shape.delimiter)
    if fault:
        return _broken(start, fault, parts, lines, shape)
    return _checked(start, fields, parts, shape)


def _checked(start: int, fields: list[str], parts: list[str], shape: _Shape) -> _Record:
    text, last, reason = "".join(parts), start + len(parts) - 1, ""
    if any(len(part) > FIELD_LIMIT for part in fields):
        reason = f"not valid CSV: field larger than {FIELD_LIMIT:,} characters"
    elif len(parts) > 1 and _are_rows(parts, shape):
        reason = (
            f"not valid CSV: the quote that opens on line {start} is closed on line {last}, but "
            f"each of these lines is also a row by itself; {ADVICE}"
        )
    return _Record(start, fields, text, reason)


def _broken(start: int, fault: str, parts: list[str], lines: _Lines, shape: _Shape) -> _Record:
    """A bad record: its first line only, if the lines before the fault are whole rows."""
    before = parts[:-1] if fault is _CONTINUED else parts
    if len(parts) > 1 and _are_rows(before, shape):
        lines.put_back(parts[1:])
        parts = parts[:1]
    last = start + len(parts) - 1
    lost = f", so all up to line {last} was not read" if last > start else ""
    reason = f"not valid CSV: the quote that opens on line {start} {fault}{lost}; {ADVICE}"
    return _Record(start, [], parts[0], reason)


def _are_rows(lines: list[str], shape: _Shape) -> bool:
    """Whether each line is a whole row if its quotes are text: as many fields as the header, not
    blank or after a space, as those of prose often are."""
    rows = [line.rstrip("\r\n").split(shape.delimiter) for line in lines]
    return all(
        len(row) == shape.width
        and (shape.width > 2 or all(row))
        and (shape.spaced or not any(value.startswith(" ") for value in row[1:]))
        for row in rows
    )


def _fields(text: str, delimiter: str) -> tuple[list[str], str | None]:
    """The fields of a record and what is wrong with a quoted one, if anything."""
    if '"' not in text:
        return text.rstrip("\r\n").split(delimiter), None
    fields, position, end = [], 0, len(text.rstrip("\r\n"))
    while True:
        if opening := _OPENING.match(text, position):
            closing = _QUOTED.match(text, opening.end())
            if closing is None:
                return fields, _OPEN
            position = closing.end()
            if position < end and text[position] != delimiter:
                return fields, _CONTINUED
            fields.append(closing[1].replace('""', '"'))
        else:
            stop = text.find(delimiter, position, end)
            stop = end if stop < 0 else stop
            fields.append(text[position:stop])
            position = stop
        if position >= end:
            return fields, None
        position += 1


def _row(record: _Record, names: list[str]) -> Row:
    text = record.text.rstrip("\r\n")
    if (clean := text.encode(errors="surrogateescape").decode(errors="replace")) != text:
        return Row(record.line, {}, clean, reason=record.reason or "not UTF-8")
    if record.reason:
        return Row(record.line, {}, text, reason=record.reason)
    if len(record.fields) != len(names):
        reason = f"the header has {len(names)} fields, this row {len(record.fields)}"
        return Row(record.line, {}, text, reason=reason)
    return Row(record.line, dict(zip(names, record.fields, strict=True)))


def _delimiter(file: Path, stream: TextIO) -> str:
    """The delimiter: a tab by the file's ending, else the one by which most rows have as many
    fields as the header, the header the most, and fewest after a space."""
    sample = stream.read(SAMPLE).splitlines(keepends=True)
    stream.seek(0)
    if file.suffix.lower() in TAB_ENDINGS:
        return "\t"
    return max(DELIMITERS, key=lambda delimiter: _fit(sample, delimiter))


def _fit(sample: list[str], delimiter: str) -> tuple[int, int, int]:
    header, *rows = ((_fields(line, delimiter)[0]) for line in sample if line.strip("\r\n"))
    fitting = sum(len(row) == len(header) for row in rows) if len(header) > 1 else 0
    return fitting, len(header), -sum(name.startswith(" ") for name in header)

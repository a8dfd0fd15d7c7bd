"""Rows of JSON files: JSON Lines, or one array of objects, on one line or pretty-printed.

Both are streamed: an array is decoded element by element by the standard library's decoder, which,
unlike ijson, gives each element's text and line for a reject. After a broken element, reading
resumes at the next line that begins an object at the same indentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from pipeline.problems.formats.row import Row

CHUNK = 65_536  # characters
ELEMENT_LIMIT = 16_777_216  # characters of one element; bounds what a broken one may span
LONGEST_REJECT = 10_000  # characters of a broken element that its reject shows
LONGEST_INT = 4000  # digits; Python refuses to convert longer ones (4,300)

TAIL = 16  # characters; an error so close to the end may come from a chunk's end


def _whole_number(text: str) -> int | Decimal:
    return int(text) if len(text) < LONGEST_INT else Decimal(text)


DECODER = json.JSONDecoder(parse_int=_whole_number)


def spans_lines(start: bytes) -> bool:
    """Whether a JSON file that begins with `start` is an array, or objects that each span lines;
    else it is JSON Lines, whose first row may be an array by mistake."""
    text = start.decode("utf-8-sig", errors="replace").lstrip()
    first, _, rest = text.partition("\n")
    if first.startswith("["):
        return "{" in first or not rest.strip() or not first.rstrip().endswith("]")
    return first.rstrip() == "{" and rest.lstrip().startswith('"')


def jsonl_rows(file: Path) -> Iterator[Row]:
    """Yield a row for each non-blank line."""
    with file.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            line = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if line.strip():
                yield _line_row(number, line.rstrip(b"\r\n"))


def element_rows(file: Path) -> Iterator[Row]:
    """Yield a row for each element of an array, or each of several objects."""
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        yield from _Elements(stream).rows()


def _line_row(number: int, line: bytes) -> Row:
    text = line.decode("utf-8", errors="replace")
    try:
        values = DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Row(number, {}, text, reason=f"not UTF-8: byte {error.start + 1} of the line")
    except (ValueError, RecursionError) as error:
        return Row(number, {}, text, reason=f"not valid JSON: {error}")
    return object_row(number, values, text)


def object_row(number: int, values: Any, text: str) -> Row:
    if not isinstance(values, dict):
        return Row(number, {}, text, reason="not a JSON object")
    return Row(number, values, text)


class _Elements:
    """The elements of arrays, and objects one after the other, of a text stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""  # read, and used up to `_at`
        self._at, self._line = 0, 1
        self._depth = 0  # 1 inside an array

    def rows(self) -> Iterator[Row]:
        """Yield elements as rows; a broken one is a bad row."""
        while char := self._next(" \t\r\n," if self._depth else " \t\r\n"):
            if char == "[" and not self._depth:
                self._depth = 1
                self._advance(self._at + 1)
            elif char == "]" and self._depth:
                self._depth = 0
                self._advance(self._at + 1)
            else:
                yield self._row()
        if self._depth:
            yield Row(self._line, {}, reason="not valid JSON: the array is not closed")

    def _row(self) -> Row:
        line, indent = self._line, self._indent()
        try:
            values, end = self._decoded()
        except (ValueError, RecursionError) as error:
            return self._broken(line, indent, error)
        text = self._text[self._at : end]
        self._advance(end)
        if (clean := text.encode(errors="surrogateescape").decode(errors="replace")) != text:
            return Row(line, {}, clean, reason="not UTF-8")
        return object_row(line, values, text)

    def _decoded(self) -> tuple[Any, int]:
        """The element at the current place and where it ends; raises ValueError."""
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = "Unterminated" in error.msg or error.pos >= len(self._text) - TAIL
                if cut and len(self._text) - self._at < ELEMENT_LIMIT and self._read():
                    continue
                raise
            whole = isinstance(value, dict | list | str) or end < len(self._text)
            if whole or not self._read():
                return value, end

    def _broken(self, line: int, indent: str | None, error: Exception) -> Row:
        at = self._at
        if isinstance(error, json.JSONDecodeError):
            where = line + self._text.count("\n", at, error.pos)
            reason = f"not valid JSON: {error.msg} (line {where})"
        else:
            reason = f"not valid JSON: {error}"
        text = self._text[at : at + LONGEST_REJECT]
        text = text.encode(errors="surrogateescape").decode(errors="replace")
        if not self._resume(indent):
            self._depth = 0
            reason += "; the rows after it were not read"
        return Row(line, {}, text.partition("\n")[0], reason=reason)

    def _resume(self, indent: str | None) -> bool:
        """Go to the next line that opens an object at `indent`, else to the end."""
        pattern = None if indent is None else re.compile(rf"\n{indent}(?=\{{)")
        self._advance(self._at + 1)
        while True:
            if pattern and (found := pattern.search(self._text, self._at)):
                self._advance(found.end())
                return True
            last = max(self._at, self._text.rfind("\n", self._at))  # a match may be cut here
            self._advance(last)
            if not self._read():
                self._advance(len(self._text))
                return False

    def _next(self, skipped: str) -> str:
        """The next character that is not one of `skipped`; empty at the end."""
        while True:
            at = self._at
            while at < len(self._text) and self._text[at] in skipped:
                at += 1
            self._advance(at)
            if at < len(self._text):
                return self._text[at]
            if not self._read():
                return ""

    def _indent(self) -> str | None:
        """The blanks before the current place; None if it does not begin its line."""
        before = self._text[: self._at].rpartition("\n")
        return before[2] if before[1] and not before[2].strip() else None

    def _advance(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _read(self) -> bool:
        """Read more, keeping the start of the current line; False at the end of the stream."""
        more = self._stream.read(max(CHUNK, len(self._text) - self._at))
        start = max(0, self._text.rfind("\n", 0, self._at), self._at - CHUNK)
        self._text, self._at = self._text[start:] + more, self._at - start
        return bool(more)

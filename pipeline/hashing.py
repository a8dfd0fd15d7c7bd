"""Hashes that are the same in every process and on every machine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DIGITS = 16  # of a digest, in hexadecimal: 64 bits


def stable_hash(text: str) -> int:
    """The first 8 bytes of the SHA-256 of `text`, as an integer from 0 to 2**64 - 1."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def digest_of(*values: Any) -> str:
    """The digest of values that JSON can hold, keys in any order."""
    return digest_of_all(values)


def digest_of_all(values: Iterable[Any]) -> str:
    """The digest of many values, one at a time in memory."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(json.dumps(value, sort_keys=True, ensure_ascii=False).encode() + b"\0")
    return digest.hexdigest()[:DIGITS]


class FileDigests:
    """Digests of files by their whole content.

    The file `cache` keeps them with each file's size and time of change, so that a large file is
    read once.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._known: dict[str, list[Any]] = {}
        if cache.is_file():
            self._known = json.loads(cache.read_text())

    def of(self, files: Iterable[Path]) -> str:
        """The digest of the names and contents of files, in any order."""
        found = sorted((file.name, self._of_one(file)) for file in files)
        self._save()
        return digest_of(found)

    def _of_one(self, file: Path) -> str:
        state, key = file.stat(), str(file.resolve())
        stamp = [state.st_size, state.st_mtime_ns]
        known = self._known.get(key)
        if known is None or known[:2] != stamp:
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()[:DIGITS]
            self._known[key] = known = [*stamp, digest]
        return known[2]

    def _save(self) -> None:
        if not self._cache.parent.is_dir():
            return
        hidden = self._cache.with_name(f"{self._cache.name}.new")
        hidden.write_text(json.dumps(self._known))
        os.replace(hidden, self._cache)

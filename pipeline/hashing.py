"""A hash that is the same in every process and on every machine."""

from __future__ import annotations

import hashlib


def stable_hash(text: str) -> int:
    """The first 8 bytes of the SHA-256 of `text`, as an integer from 0 to 2**64 - 1."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

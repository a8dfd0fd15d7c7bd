"""The hash that ids, seeds and splits derive from."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from pipeline.hashing import stable_hash
from tests.conftest import ROOT


def test_a_stable_hash_is_the_start_of_sha256() -> None:
    assert stable_hash("a") == 0xCA978112CA1BBDCA  # FIPS 180-2: sha256("a")
    assert stable_hash("") == 0xE3B0C44298FC1C14


def test_text_is_hashed_as_utf_8() -> None:
    assert stable_hash("∀x") == 0xFF594BE8295FB346  # printf '∀x' | sha256sum


def test_the_hash_is_the_same_in_another_process() -> None:
    code = "from pipeline.hashing import stable_hash; print(stable_hash('7/p1/teacher/0'))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) == stable_hash("7/p1/teacher/0")


@given(st.text(st.characters(codec="utf-8")))
def test_a_hash_has_64_bits(text: str) -> None:
    assert 0 <= stable_hash(text) < 2**64

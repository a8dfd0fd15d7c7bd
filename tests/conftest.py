"""Fixtures and hooks shared by the tests of all rooms."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def pytest_configure() -> None:
    """Restore SIGINT for tests of Ctrl-C: a shell ignores it in background processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Exclude permanent objects (libraries, modules, 4,000 tests) from garbage collection. A full
    collection takes up to a second and would disturb tests that measure time."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Undo it at the end, as some libraries count the objects that remain."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: environment variable APPRENTICE_DATA, default ../shared/data."""
    folder = ROOT / os.environ.get("APPRENTICE_DATA", "../shared/data")
    if not folder.is_dir():
        pytest.skip(
            f"no data folder at {folder}; set APPRENTICE_DATA (README describes its content)"
        )
    return folder


@pytest.fixture(scope="session")
def gsm8k_path(data_dir: Path) -> str:
    """The path of GSM8K's training file."""
    return _existing(data_dir / "gsm8k" / "train.jsonl")


@pytest.fixture(scope="session")
def folio_path(data_dir: Path) -> str:
    """The path of FOLIO's training file."""
    return _existing(data_dir / "folio" / "train.jsonl")


def _existing(file: Path) -> str:
    if not file.is_file():
        pytest.skip(f"{file} is absent; README names its public source")
    return str(file)

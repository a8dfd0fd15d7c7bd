"""What tests of several rooms share."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def pytest_configure() -> None:
    """Let tests press Ctrl-C: a shell that runs us in the background has us and ours ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what is there for good: libraries, modules, 4,000 tests. Going
    through it takes up to a second, in whatever test that falls, those of what is quick too."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let go of it at the end, as some libraries count what stays."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: environment variable APPRENTICE_DATA, default ../shared/data."""
    folder = ROOT / os.environ.get("APPRENTICE_DATA", "../shared/data")
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}; set APPRENTICE_DATA (README says what it holds)")
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
        pytest.skip(f"{file} is absent; README says where the public file is")
    return str(file)

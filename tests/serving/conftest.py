"""Shared fixture: the pocket student's tokenizer."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from pipeline.pocket.models import folder
from tests.pipeline.agent.scripted import TextTokenizer


@pytest.fixture(scope="session")
def tokenizer() -> TextTokenizer:
    """The tokenizer of the pocket student."""
    return AutoTokenizer.from_pretrained(folder("student"))

"""Fixtures of the pipeline tests: small tokenizers and the pocket chat template."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from transformers import PreTrainedTokenizerFast

from pipeline.agent.transcript import ChatTemplate
from pipeline.pocket.models import dialect
from pipeline.pocket.tokenizer import train_tokenizer
from pipeline.problems.pocket.world import problems
from tests.pipeline.agent.chat_families import tokenizers_of

settings.register_profile("shared_machine", deadline=None)  # slow examples do not fail
settings.load_profile("shared_machine")


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """A pocket tokenizer, trained on a few texts; copy it before changing it."""
    texts = [text for p in problems(100, 0, "train") for text in (p.question, *p.reference)]
    return train_tokenizer([*texts, dialect().prompt_messages("")[0]["content"]])


@pytest.fixture(scope="session")
def tokenizers(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """A tokenizer of each family of chat templates."""
    return tokenizers_of(tokenizer)


@pytest.fixture(scope="session")
def template(tokenizer: PreTrainedTokenizerFast) -> ChatTemplate:
    """The pocket chat template."""
    return ChatTemplate(tokenizer)

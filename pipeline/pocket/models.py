"""Folders of the pocket models, and the prompt that they were trained on.

This module is cheap to import; it does not import torch.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import toolsets
from pipeline.agent.agent import with_agent_tools
from pipeline.agent.prompt import Inject
from pipeline.errors import CannotStart

TOOLSET = "arithmetic[add,subtract,multiply,divide,percent_of]+logic[entails]"
FINGERPRINT = "pocket.json"
RETRAIN = "python -m pipeline.pocket.train"


def folder(name: str) -> Path:
    """The Hugging Face folder of the pocket model `name` ("teacher" or "student")."""
    return Path(__file__).parent / name


def dialect() -> Inject:
    """The dialect and functions that the pocket models were trained on."""
    return Inject(with_agent_tools(toolsets.load(TOOLSET), thinking=False))


def fingerprint() -> str:
    """Hash of the rendered prompt; if it changes, the models must be trained again."""
    messages = dialect().prompt_messages("QUESTION")
    return hashlib.sha256(json.dumps(messages).encode()).hexdigest()[:16]


def check(name: str) -> None:
    """Raise CannotStart if the model is missing or was trained on another prompt."""
    file = folder(name) / FINGERPRINT
    if not file.is_file():
        raise CannotStart(f"the pocket {name} is not in {file.parent}; train it: {RETRAIN}")
    stored = json.loads(file.read_text())["prompt"]
    if stored != fingerprint():
        raise CannotStart(
            f"the pocket {name} was trained on another prompt (fingerprint {stored}, now "
            f"{fingerprint()}); train it again: {RETRAIN}"
        )

"""Models for the generation benchmarks: `random`, whose matrix products keep the cores busy, and
`pocket`, which is so small that the overhead around the engine dominates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.pocket.models import folder as pocket

MODELS = ("random", "pocket")
# 49 million parameters
RANDOM = {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 7}


def model_folder(model: str, scratch: Path) -> str:
    """The folder of a model; `random` is created in `scratch` if missing."""
    if model == "pocket":
        return str(pocket("teacher"))
    if not (scratch / model).exists():
        _make_random(scratch / model)
    return str(scratch / model)


def tokenizer() -> Any:
    """The tokenizer of both models."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(pocket("teacher")))


def _make_random(place: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokens = tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokens),
        num_attention_heads=12,
        max_position_embeddings=8192,
        **RANDOM,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(place)
    tokens.save_pretrained(place)

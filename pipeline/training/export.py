"""Export a trained model as a plain Hugging Face folder, in the dtype of the base model.

LoRA is merged into the model; `adapter/` holds the adapter as well if the recipe asks for it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pipeline.recipe.training import Lora
from pipeline.training.checkpoints import BEST, MODEL

ADAPTER = "adapter"  # folder of the adapter, inside the model folder


def best_or_last(trainer: Any, out: Path, scratch: Path) -> Path:
    """The folder of the weights to export: the best checkpoint if there is one, else the current
    weights. Every rank must call this, as ZeRO-3 gathers the weights."""
    if (out / BEST).is_dir():
        return out / BEST
    trainer.save_model(str(scratch))
    return scratch


def export(weights: Path, base: str, tokenizer: Any, lora: Lora | None, out: Path) -> None:
    """Write `weights` (a model, or an adapter of `base`) as the stage's model, all or nothing."""
    hidden, final = out / f".{MODEL}", out / MODEL
    shutil.rmtree(hidden, ignore_errors=True)
    _model(weights, base, lora).save_pretrained(hidden)
    tokenizer.save_pretrained(hidden)
    if lora is not None and lora.keep_adapter:
        (hidden / ADAPTER).mkdir()
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copy(weights / name, hidden / ADAPTER)
    shutil.rmtree(final, ignore_errors=True)
    hidden.rename(final)


def _model(weights: Path, base: str, lora: Lora | None) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    unset_hf_deepspeed_config()  # else ZeRO-3 shards it over workers that are not here
    dtype = AutoConfig.from_pretrained(base).dtype or torch.float32
    if lora is None:
        return AutoModelForCausalLM.from_pretrained(weights, dtype=dtype)
    from peft import PeftModel

    base_model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    return PeftModel.from_pretrained(base_model, str(weights)).merge_and_unload().to(dtype)

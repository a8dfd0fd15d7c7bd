"""Trained weights as a plain model folder: a tiny model of random weights, nothing is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from pipeline.recipe.training import Lora
from pipeline.training.checkpoints import BEST, MODEL
from pipeline.training.export import ADAPTER, best_or_last, export
from tests.pipeline.agent.scripted import TextTokenizer

CONFIG = LlamaConfig(
    vocab_size=32,
    hidden_size=8,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=2,
)
RANK, ALPHA = 2, 6
QUERY = "model.layers.0.self_attn.q_proj"
KEY = QUERY.replace("q_proj", "k_proj")


@dataclass
class Trainer:
    """The trainer's part that exports: writes the current weights."""

    saved: str | None = None

    def save_model(self, output_dir: str) -> None:
        self.saved = output_dir


def model(folder: Path, seed: int, dtype: torch.dtype = torch.float32) -> str:
    """Write a model of random weights."""
    torch.manual_seed(seed)
    LlamaForCausalLM(CONFIG).to(dtype).save_pretrained(folder)
    return str(folder)


def adapter(folder: Path, base: str) -> Path:
    """Write an adapter of the query projections with random weights."""
    torch.manual_seed(5)
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules=["q_proj"], init_lora_weights=False
    )
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)
    return folder


def weights(folder: Path | str) -> dict[str, torch.Tensor]:
    return load_file(Path(folder) / "model.safetensors")


def test_the_best_checkpoint_is_exported_if_there_is_one(tmp_path: Path) -> None:
    trainer = Trainer()
    (tmp_path / BEST).mkdir()
    assert best_or_last(trainer, tmp_path, tmp_path / "scratch") == tmp_path / BEST
    assert trainer.saved is None


def test_otherwise_the_current_weights_are_exported(tmp_path: Path) -> None:
    trainer = Trainer()
    assert best_or_last(trainer, tmp_path, tmp_path / "scratch") == tmp_path / "scratch"
    assert trainer.saved == str(tmp_path / "scratch")


def test_the_model_has_the_trained_weights_in_the_dtype_of_the_base(
    tmp_path: Path, tokenizer: TextTokenizer
) -> None:
    base = model(tmp_path / "base", seed=1, dtype=torch.bfloat16)
    trained = model(tmp_path / "trained", seed=2)
    export(Path(trained), base, tokenizer, None, tmp_path)
    wanted = {name: value.bfloat16() for name, value in weights(trained).items()}
    torch.testing.assert_close(weights(tmp_path / MODEL), wanted, rtol=0, atol=0)
    assert (tmp_path / MODEL / "tokenizer.json").is_file()


def test_an_older_model_and_half_a_model_are_replaced(
    tmp_path: Path, tokenizer: TextTokenizer
) -> None:
    trained = model(tmp_path / "trained", seed=2)
    for name in (MODEL, f".{MODEL}"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "older").touch()
    export(Path(trained), trained, tokenizer, None, tmp_path)
    assert not (tmp_path / MODEL / "older").exists()
    assert not (tmp_path / f".{MODEL}").exists()


@pytest.mark.parametrize("keeps", [True, False])
def test_an_adapter_is_merged_and_written_as_well_if_asked_for(
    tmp_path: Path, tokenizer: TextTokenizer, keeps: bool
) -> None:
    base = model(tmp_path / "base", seed=1)
    trained = adapter(tmp_path / "trained", base)
    export(trained, base, tokenizer, Lora(r=RANK, alpha=ALPHA, keep_adapter=keeps), tmp_path)
    parts = load_file(trained / "adapter_model.safetensors")
    down, up = (parts[f"base_model.model.{QUERY}.lora_{part}.weight"] for part in "AB")
    merged, before = weights(tmp_path / MODEL), weights(base)
    # W + alpha / r * B A (arXiv 2106.09685, section 4.1)
    wanted = before[f"{QUERY}.weight"] + ALPHA / RANK * up @ down
    torch.testing.assert_close(merged[f"{QUERY}.weight"], wanted)
    assert not torch.allclose(wanted, before[f"{QUERY}.weight"], atol=0.01)
    torch.testing.assert_close(merged[f"{KEY}.weight"], before[f"{KEY}.weight"])
    assert merged.keys() == before.keys()
    folder = tmp_path / MODEL / ADAPTER
    assert folder.is_dir() is keeps
    if keeps:
        torch.testing.assert_close(load_file(folder / "adapter_model.safetensors"), parts)
        assert (folder / "adapter_config.json").is_file()


def test_a_merged_model_has_the_dtype_of_the_base(tmp_path: Path, tokenizer: TextTokenizer) -> None:
    base = model(tmp_path / "base", seed=1, dtype=torch.bfloat16)
    trained = adapter(tmp_path / "trained", base)
    export(trained, base, tokenizer, Lora(r=RANK, alpha=ALPHA), tmp_path)
    assert {value.dtype for value in weights(tmp_path / MODEL).values()} == {torch.bfloat16}

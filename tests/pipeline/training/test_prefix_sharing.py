"""Packed batches against padded ones, in float64: log-probabilities, losses, gradients.

TRL's fused head computes log-probabilities in float32, so `_exact_head` replaces it where tests
require 1e-9: the same outputs from plain torch, with the interface that TRL's losses call.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    MixtralConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)
from transformers.utils.generic import ModelOutput
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.sft_config import SFTConfig

from pipeline.agent.loss_masks import IGNORED
from pipeline.training.dpo import MaskedDPOTrainer, MaskedPreferenceCollator
from pipeline.training.prefix_sharing import packed_forward, score_only_trained, unsupported_reason
from pipeline.training.sft import PackingCollator, SharingSFTTrainer
from tests.pipeline.training.rows import ROWS, VOCABULARY, Row, batch_of, labels_of, packed_of

SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,  # so that the probabilities are not uniform
}
GPT2 = GPT2Config(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=4, initializer_range=0.3)
LOSSES: dict[str, dict[str, Any]] = {
    "sigmoid": {"loss_type": ["sigmoid"]},
    "ipo": {"loss_type": ["ipo"]},
    "sigmoid and NLL": {"loss_type": ["sigmoid"], "nll_weight": 0.3},
    "dpop and NLL": {"loss_weights": [0.0], "nll_weight": 0.3, "dpop_lambda": 5.0},
}
COMMON: dict[str, Any] = {  # of both trainers
    "per_device_train_batch_size": 5,
    "report_to": [],
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "max_length": None,
    "disable_tqdm": True,
    "save_strategy": "no",
}
TRAINED: dict[str, Any] = {"max_steps": 4, "learning_rate": 0.05, "optim": "sgd"}
SETTINGS: dict[str, dict[str, Any]] = {
    "whole batches": {},
    "gradient accumulation": {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2},
    "gradient checkpointing": {"gradient_checkpointing": True},
}
ONE_BY_ONE = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 5}


def _with_instructions(rows: Sequence[Row]) -> list[Row]:
    """Add the same tokens before every prompt."""
    return [row | {"prompt_ids": [1, 2, 3, 4, 5, 6, *row["prompt_ids"]]} for row in rows]


def _model(config: Any) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).double().eval()


def _exact_head(model: Any) -> Callable[..., Any]:
    """`model` with an equivalent of TRL's fused head in the model's precision, by autograd."""

    def forward(
        *,
        labels: Tensor | None = None,
        shift_labels: Tensor | None = None,
        fused_lm_head: bool,
        **inputs: Any,
    ) -> Any:
        states = model.base_model(**inputs).last_hidden_state
        if shift_labels is None:
            assert labels is not None
            states, shift_labels = states[:, :-1], labels[:, 1:]
        logits = model.get_output_embeddings()(states)
        targets = shift_labels.clamp(min=0)[..., None]
        logps = logits.log_softmax(-1).gather(-1, targets)[..., 0]
        logps = logps.masked_fill(shift_labels < 0, 0)
        others = {"entropy": logps.detach(), "mean_logits": logps.detach()}
        return ModelOutput(log_probs=logps, is_top1=logps > 0, **others)

    return forward


def _call(model: Callable[..., Any], batch: dict[str, Tensor]) -> Tensor:
    """The log-probabilities of a padded batch, by TRL's call."""
    padded = {key: batch[key] for key in ("input_ids", "attention_mask")}
    return model(**padded, labels=labels_of(batch), fused_lm_head=True, use_cache=False).log_probs


def _gradients(loss: Tensor, model: Any) -> Tensor:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    gradients = torch.autograd.grad(loss, weights)
    return torch.cat([gradient.flatten() for gradient in gradients])


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize(
    ("config", "tolerance"),
    [
        (GPT2, 1e-9),
        # Their RMSNorm always rounds to float32.
        (LlamaConfig(**SMALL), 1e-6),
        (Qwen2Config(**SMALL), 1e-6),
        (MistralConfig(**SMALL, sliding_window=64), 1e-6),
    ],
    ids=lambda value: getattr(value, "model_type", ""),
)
def test_log_probabilities_and_gradients_are_those_of_the_padded_batch(
    config: Any, tolerance: float, number: int, sides: int
) -> None:
    model, batch = _model(copy.deepcopy(config)), batch_of(_with_instructions(ROWS[:number]))
    score_only_trained(model)
    packed = packed_of(batch, 16, sides)
    plain = _call(_exact_head(model), batch)
    shared = _call(packed_forward(_exact_head(model), packed), batch)
    weights = torch.randn(plain.shape, dtype=torch.float64)
    expected = _gradients((weights * plain).sum(), model)
    actual = _gradients((weights * shared).sum(), model)
    assert torch.allclose(shared, plain, rtol=0, atol=1e-9)
    assert (actual - expected).abs().max() < tolerance * expected.abs().max()
    assert packed["input_ids"].numel() < batch["input_ids"].numel()


def _trainer(words: Any, folder: Path, packs: bool, config: Any, **overrides: Any) -> Any:
    """A trainer whose model has moved away from the reference that it computed at the start."""
    own = {name: overrides.pop(name) for name in ("nll_weight", "dpop_lambda") if name in overrides}
    model = _model(copy.deepcopy(config))
    if packs:
        score_only_trained(model)
    arguments = COMMON | {"beta": 0.3, "precompute_ref_log_probs": True} | overrides
    trainer = MaskedDPOTrainer(
        model=model,
        args=DPOConfig(output_dir=str(folder), **arguments),
        data_collator=MaskedPreferenceCollator(pad_token_id=0, width=16 if packs else None),
        train_dataset=Dataset.from_list([dict(row) for row in ROWS]),
        processing_class=words,
        **own,
    )
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.03 * torch.randn_like(weight)
    return trainer


@pytest.fixture
def words(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Any tokenizer with a padding token, as rows are tokenized already."""
    return tokenizer


@pytest.mark.parametrize("exact", [True, False], ids=["in float64", "by TRL's head, in float32"])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_gradients_are_those_of_the_padded_batch(
    loss: str, exact: bool, words: Any, tmp_path: Path
) -> None:
    results = []
    for packs in (False, True):
        trainer = _trainer(words, tmp_path / str(packs), packs, GPT2, **LOSSES[loss])
        batch = trainer.data_collator([trainer.train_dataset[index] for index in range(len(ROWS))])
        for side in ("chosen", "rejected"):  # only the loss is compared here, the reference below
            batch[f"ref_{side}_logps"] = batch[f"ref_{side}_logps"].round(decimals=3)
        model = _exact_head(trainer.model) if exact else trainer.model
        value = trainer._compute_loss(model, batch, False)
        results.append((value, _gradients(value, trainer.model)))
    (plain, expected), (shared, gradients) = results
    tolerance = 1e-9 if exact else 1e-5
    assert shared.item() == pytest.approx(plain.item(), rel=tolerance)
    assert (gradients - expected).abs().max() < tolerance * expected.abs().max()
    assert expected.abs().max() > 0.01


def test_the_reference_is_that_of_the_padded_batch(words: Any, tmp_path: Path) -> None:
    plain, shared = (
        _trainer(words, tmp_path / str(packs), packs, LlamaConfig(**SMALL)).train_dataset
        for packs in (False, True)
    )
    for side in ("chosen", "rejected"):
        assert shared[f"ref_{side}_logps"] == pytest.approx(plain[f"ref_{side}_logps"], abs=1e-4)


@pytest.mark.train
@pytest.mark.parametrize(
    "overrides", (SETTINGS | {"gradient accumulation": ONE_BY_ONE}).values(), ids=SETTINGS
)
def test_dpo_changes_the_weights_as_the_padded_batch_does(
    overrides: dict[str, Any], words: Any, tmp_path: Path
) -> None:
    after = []
    for packs in (False, True):
        steps = TRAINED | LOSSES["dpop and NLL"]
        folder = tmp_path / str(packs)
        trainer = _trainer(words, folder, packs, LlamaConfig(**SMALL), **(steps | overrides))
        before = torch.cat([weight.detach().flatten() for weight in trainer.model.parameters()])
        trainer.train()
        now = torch.cat([weight.detach().flatten() for weight in trainer.model.parameters()])
        after.append(now - before)
    plain, shared = after
    assert plain.abs().max() > 0.001
    assert (shared - plain).abs().max() < 1e-3 * plain.abs().max()


@pytest.mark.train
@pytest.mark.parametrize("overrides", SETTINGS.values(), ids=SETTINGS)
def test_sft_changes_the_weights_as_the_padded_batch_does(
    overrides: dict[str, Any], words: Any, tmp_path: Path
) -> None:
    after, losses = [], []
    for packs in (False, True):
        model = _model(LlamaConfig(**SMALL))
        if packs:
            score_only_trained(model)
        trainer = SharingSFTTrainer(
            model=model,
            args=SFTConfig(
                output_dir=str(tmp_path / str(packs)),
                dataset_kwargs={"skip_prepare_dataset": True},
                **(COMMON | TRAINED | overrides),
            ),
            data_collator=PackingCollator(pad_token_id=0, width=16) if packs else None,
            train_dataset=Dataset.from_list([_chain(row) for row in _with_instructions(ROWS)]),
            processing_class=words,
        )
        before = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        losses.append(trainer.train().training_loss)
        now = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        after.append(now - before)
    (plain, shared), (plain_loss, shared_loss) = after, losses
    assert shared_loss == pytest.approx(plain_loss, rel=1e-4)
    assert plain.abs().max() > 0.001
    assert (shared - plain).abs().max() < 1e-3 * plain.abs().max()


def _chain(row: Row) -> dict[str, list[int]]:
    """The chosen side of a pair, as `pipeline.agent.loss_masks` encodes a supervised row."""
    labels = [
        t if m else IGNORED for t, m in zip(row["chosen_ids"], row["chosen_mask"], strict=True)
    ]
    return {
        "input_ids": row["prompt_ids"] + row["chosen_ids"],
        "labels": [IGNORED] * len(row["prompt_ids"]) + labels,
    }


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (LlamaConfig(**SMALL), None),
        (
            LlamaConfig(**SMALL | {"attn_implementation": "eager"}),
            "its attention is eager, not sdpa",
        ),
        (MistralConfig(**SMALL, sliding_window=100), None),
        (
            MistralConfig(**SMALL, sliding_window=99),
            "its attention slides over 99 tokens, fewer than train.max_tokens",
        ),
        (
            MixtralConfig(**SMALL, num_local_experts=2),
            "the loss that balances its experts counts every token",
        ),
        (MambaConfig(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1), "its attention"),
    ],
)
def test_models_that_cannot_share_prefixes_are_refused(config: Any, reason: str | None) -> None:
    actual = unsupported_reason(AutoModelForCausalLM.from_config(config), max_tokens=100)
    assert actual is None if reason is None else actual is not None and actual.startswith(reason)

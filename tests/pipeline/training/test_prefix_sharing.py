"""Packed batches against padded ones, in float64: what every prediction sees, losses, gradients.

TRL's fused head computes log-probabilities in float32, so `_exact_head` stands beside it where
1e-9 is asked for: the same outputs from plain torch, called as TRL's losses call a model.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
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

from pipeline.masks import IGNORED
from pipeline.training.dpo import (
    MaskedDPOTrainer,
    MaskedPreferenceCollator,
    PackedPreferenceCollator,
)
from pipeline.training.packing import ROOT, ROW_TOKENS, fill_rows, pack
from pipeline.training.prefix_sharing import (
    attention,
    packed_forward,
    score_only_trained,
    why_not,
)
from pipeline.training.sft import PackedCollator, SharingSFTTrainer

VOCABULARY = 40
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,  # so that the model has opinions
}
GPT2 = GPT2Config(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=4, initializer_range=0.3)
LOSSES: dict[str, dict[str, Any]] = {
    "sigmoid": {"loss_type": ["sigmoid"]},
    "ipo": {"loss_type": ["ipo"]},
    "sigmoid and NLL": {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.3]},
    "dpop and NLL": {"loss_type": ["sft"], "loss_weights": [0.3], "dpop_lambda": 5.0},
}
SUPERVISION: dict[str, Any] = {
    "per_device_train_batch_size": 5,
    "max_steps": 4,
    "learning_rate": 0.05,
    "optim": "sgd",
    "report_to": [],
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "max_length": None,
    "disable_tqdm": True,
    "save_strategy": "no",
    "dataset_kwargs": {"skip_prepare_dataset": True},
}
SUPERVISED: dict[str, dict[str, Any]] = {
    "whole batches": {},
    "gradient accumulation": {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2},
    "gradient checkpointing": {"gradient_checkpointing": True},
}
Row = dict[str, list[int]]


def _row(prompt: Sequence[int], chosen: Sequence[int], rejected: Sequence[int]) -> Row:
    """A pair as `pipeline.masks` encodes it; tokens below 10 are a tool's, not trained on."""
    sides = {"chosen": chosen, "rejected": rejected}
    ids = {f"{side}_ids": list(tokens) for side, tokens in sides.items()}
    masks = {f"{side}_mask": [int(t >= 10) for t in tokens] for side, tokens in sides.items()}
    return {"prompt_ids": list(prompt), **ids, **masks}


# Nearly all in common, nothing in common, a trained beginning in common, one side much longer, and
# one that stops where the other goes on.
ROWS = [
    _row(range(10, 34), [20, 21, 3, 4, 22, 23], [20, 21, 3, 4, 25, 1, 26]),
    _row([], [10, 11, 12], [13, 14]),
    _row([11, 12], [15, 16, 17, 5, 18], [15, 16, 17, 6, 19]),
    _row([30], [31, 5, 5, 32], [33, *range(12, 30)]),
    _row([7, 8, 9], [20, 4, 21, 22], [20, 4, 21]),
]
TOKENS = st.lists(st.integers(1, VOCABULARY - 1), max_size=6)
PROMPTS = st.lists(st.integers(1, VOCABULARY - 1), min_size=1, max_size=6)
SIDES = st.builds(lambda tokens, last: [*tokens, last], TOKENS, st.integers(10, VOCABULARY - 1))
PAIRS = st.builds(
    lambda prompt, common, chosen, rejected: _row(prompt, common + chosen, common + rejected),
    *(PROMPTS, TOKENS, SIDES, SIDES),
)


def _begun(rows: Sequence[Row]) -> list[Row]:
    """With instructions before every prompt."""
    return [row | {"prompt_ids": [1, 2, 3, 4, 5, 6, *row["prompt_ids"]]} for row in rows]


def _batch(rows: Sequence[Row]) -> dict[str, Tensor]:
    return MaskedPreferenceCollator(pad_token_id=0)([dict(row) for row in rows])


def _model(config: Any) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).double().eval()


def _exact_head(model: Any) -> Callable[..., Any]:
    """`model` with TRL's fused head, in the model's own precision, gradients by autograd."""

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
        found = logits.log_softmax(-1).gather(-1, targets)[..., 0]
        found = found.masked_fill(shift_labels < 0, 0)
        others = {"entropy": found.detach(), "mean_logits": found.detach()}
        return ModelOutput(log_probs=found, is_top1=found > 0, **others)

    return forward


def _labels(batch: dict[str, Tensor]) -> Tensor:
    return batch["input_ids"].masked_fill(batch["completion_mask"] == 0, IGNORED)


def _packed(batch: dict[str, Tensor], width: int, sides: int = 2) -> dict[str, Tensor]:
    return pack(batch["input_ids"], _labels(batch), sides, width)


def _call(model: Callable[..., Any], batch: dict[str, Tensor]) -> Tensor:
    """The log-probabilities of a padded batch, called as TRL does."""
    padded = {key: batch[key] for key in ("input_ids", "attention_mask")}
    return model(**padded, labels=_labels(batch), fused_lm_head=True, use_cache=False).log_probs


def _gradients(loss: Tensor, model: Any) -> Tensor:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    found = torch.autograd.grad(loss, weights)
    return torch.cat([gradient.flatten() for gradient in found])


def test_a_packed_batch_stands_on_the_page() -> None:
    """Two pairs, which begin with 1 2. The first goes on with 3, then its sides, the trained 14 on
    both, as it has other successors; the second with 4, then 5 has other successors."""
    batch = _batch([_row([1, 2, 3], [14, 15], [14, 16, 17]), _row([1, 2, 4, 5], [18], [19])])
    packed = _packed(batch, width=4096)
    assert packed["input_ids"].tolist() == [[1, 2, 3, 14, 14, 16, 4, 5, 5]]
    assert packed["position_ids"].tolist() == [[0, 1, 2, 3, 3, 4, 2, 3, 3]]
    assert packed["segments"].tolist() == [[ROOT, ROOT, 0, 1, 2, 2, 3, 4, 5]]
    assert packed["scored"].tolist() == [2, 3, 4, 5, 7, 8]
    assert packed["labels"].tolist() == [[14, 15, 16, 17, 18, 19]]
    first, second = packed["places"].view(2, 2, 5).tolist()
    assert first == [[6, 6, 0, 1, 6], [6, 6, 6, 4, 6]]
    assert second == [[6, 6, 0, 2, 3], [6, 6, 6, 5, 6]]
    assert attention(packed["segments"])[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 1, 0, 0],
        [1, 1, 0, 0, 0, 0, 1, 1, 0],
        [1, 1, 0, 0, 0, 0, 1, 0, 1],
    ]


@given(
    rows=st.lists(PAIRS, min_size=1, max_size=5),
    root=st.lists(st.integers(1, 9), max_size=3),
    width=st.sampled_from([1, 8, 4096]),
    sides=st.sampled_from([1, 2]),
)
@settings(max_examples=200, deadline=None)
def test_every_prediction_sees_its_own_chain_and_nothing_else(
    rows: list[Row], root: list[int], width: int, sides: int
) -> None:
    batch = _batch([row | {"prompt_ids": root + row["prompt_ids"]} for row in rows])
    packed = _packed(batch, width, sides)
    seen = attention(packed["segments"])[:, 0].flatten(0, 1)
    length = packed["input_ids"].shape[1]
    predicted = 0
    for side, mask in enumerate(batch["completion_mask"].tolist()):
        for column, place in enumerate(packed["places"][side].tolist()):
            if not mask[column + 1]:
                assert place == len(packed["scored"])
                continue
            predicted += 1
            position = int(packed["scored"][place])
            row, visible = position // length, seen[position]
            assert packed["labels"][0, place] == batch["input_ids"][side, column + 1]
            assert packed["position_ids"][row][visible].tolist() == list(range(column + 1))
            expected = batch["input_ids"][side, : column + 1].tolist()
            assert packed["input_ids"][row][visible].tolist() == expected
    assert predicted == int(batch["completion_mask"].sum())


@given(rows=st.lists(PAIRS, min_size=1, max_size=5), sides=st.sampled_from([1, 2]))
@settings(max_examples=50, deadline=None)
def test_no_row_of_a_mask_is_empty(rows: list[Row], sides: int) -> None:
    """A token that sees nothing would be NaN, padding too."""
    batch = _batch(rows)
    packed = _packed(batch, 1, sides)
    assert attention(packed["segments"]).any(dim=-1).all()


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize(
    ("config", "close"),
    [
        (GPT2, 1e-9),
        # Their RMSNorm rounds to float32 whatever the model's precision.
        (LlamaConfig(**SMALL), 1e-6),
        (Qwen2Config(**SMALL), 1e-6),
        (MistralConfig(**SMALL, sliding_window=64), 1e-6),
    ],
    ids=lambda value: getattr(value, "model_type", ""),
)
def test_log_probabilities_and_gradients_are_those_of_the_padded_batch(
    config: Any, close: float, number: int, sides: int
) -> None:
    model, batch = _model(copy.deepcopy(config)), _batch(_begun(ROWS[:number]))
    score_only_trained(model)
    packed = _packed(batch, 16, sides)
    plain = _call(_exact_head(model), batch)
    shared = _call(packed_forward(_exact_head(model), packed), batch)
    weights = torch.randn(plain.shape, dtype=torch.float64)
    expected = _gradients((weights * plain).sum(), model)
    found = _gradients((weights * shared).sum(), model)
    assert torch.allclose(shared, plain, rtol=0, atol=1e-9)
    assert (found - expected).abs().max() < close * expected.abs().max()
    assert packed["input_ids"].numel() < batch["input_ids"].numel()


def _trainer(words: Any, folder: Path, packs: bool, config: Any, **own: Any) -> Any:
    """A trainer whose model has moved away from the reference that it computed at the start."""
    dpop_lambda = own.pop("dpop_lambda", None)
    model = _model(copy.deepcopy(config))
    if packs:
        score_only_trained(model)
    made = PackedPreferenceCollator(pad_token_id=0, width=16) if packs else None
    arguments: dict[str, Any] = {
        "per_device_train_batch_size": 5,
        "beta": 0.3,
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "max_length": None,
        "disable_tqdm": True,
        "save_strategy": "no",
        "precompute_ref_log_probs": True,
    }
    trainer = MaskedDPOTrainer(
        model=model,
        args=DPOConfig(output_dir=str(folder), **(arguments | own)),
        data_collator=made or MaskedPreferenceCollator(pad_token_id=0),
        train_dataset=Dataset.from_list([dict(row) for row in ROWS]),
        processing_class=words,
        dpop_lambda=dpop_lambda,
    )
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.03 * torch.randn_like(weight)
    return trainer


@pytest.fixture
def words(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Any tokenizer with a padding token: rows come as tokens."""
    return tokenizer


@pytest.mark.parametrize("exact", [True, False], ids=["in float64", "by TRL's head, in float32"])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_gradients_are_those_of_the_padded_batch(
    loss: str, exact: bool, words: Any, tmp_path: Path
) -> None:
    found = []
    for packs in (False, True):
        trainer = _trainer(words, tmp_path / str(packs), packs, GPT2, **LOSSES[loss])
        batch = trainer.data_collator([trainer.train_dataset[index] for index in range(len(ROWS))])
        for side in ("chosen", "rejected"):  # the loss is compared alone; the reference below
            batch[f"ref_{side}_logps"] = batch[f"ref_{side}_logps"].round(decimals=3)
        model = _exact_head(trainer.model) if exact else trainer.model
        value = trainer._compute_loss(model, batch, False)
        found.append((value, _gradients(value, trainer.model)))
    (plain, expected), (shared, gradients) = found
    close = 1e-9 if exact else 1e-5
    assert shared.item() == pytest.approx(plain.item(), rel=close)
    assert (gradients - expected).abs().max() < close * expected.abs().max()
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
    "own",
    [
        {},
        {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 5},
        {"gradient_checkpointing": True},
    ],
    ids=["whole batches", "gradient accumulation", "gradient checkpointing"],
)
def test_training_moves_the_weights_as_the_padded_batch_does(
    own: dict[str, Any], words: Any, tmp_path: Path
) -> None:
    after = []
    for packs in (False, True):
        steps = {"max_steps": 4, "learning_rate": 0.05, "optim": "sgd", **LOSSES["dpop and NLL"]}
        folder = tmp_path / str(packs)
        trainer = _trainer(words, folder, packs, LlamaConfig(**SMALL), **(steps | own))
        before = torch.cat([weight.detach().flatten() for weight in trainer.model.parameters()])
        trainer.train()
        now = torch.cat([weight.detach().flatten() for weight in trainer.model.parameters()])
        after.append(now - before)
    plain, shared = after
    assert plain.abs().max() > 0.001
    assert (shared - plain).abs().max() < 1e-3 * plain.abs().max()


@pytest.mark.train
@pytest.mark.parametrize("own", SUPERVISED.values(), ids=SUPERVISED)
def test_supervision_moves_the_weights_as_the_padded_batch_does(
    own: dict[str, Any], words: Any, tmp_path: Path
) -> None:
    after, losses = [], []
    for packs in (False, True):
        model = _model(LlamaConfig(**SMALL))
        if packs:
            score_only_trained(model)
        trainer = SharingSFTTrainer(
            model=model,
            args=SFTConfig(output_dir=str(tmp_path / str(packs)), **(SUPERVISION | own)),
            data_collator=PackedCollator(pad_token_id=0, width=16) if packs else None,
            train_dataset=Dataset.from_list([_chain(row) for row in _begun(ROWS)]),
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
    """The chosen side of a pair, as `pipeline.masks` encodes what supervision learns."""
    labels = [
        t if m else IGNORED for t, m in zip(row["chosen_ids"], row["chosen_mask"], strict=True)
    ]
    return {
        "input_ids": row["prompt_ids"] + row["chosen_ids"],
        "labels": [IGNORED] * len(row["prompt_ids"]) + labels,
    }


@given(
    lengths=st.lists(st.integers(1, 6000), min_size=1, max_size=16),
    width=st.integers(1, 8192),
    root=st.integers(0, 6000),
)
def test_every_group_is_in_one_row_and_rows_are_bounded(
    lengths: list[int], width: int, root: int
) -> None:
    rows = fill_rows(lengths, width, root)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    longest = root + max(sum(lengths[index] for index in row) for row in rows)
    assert longest <= max(ROW_TOKENS, root + max(lengths))


def test_rows_are_as_long_as_attention_allows() -> None:
    """Four equal pairs: in one row nothing is saved and attention costs fourfold, unless what all
    begin with is long; one long pair and three short ones: two rows have no padding."""
    assert len(fill_rows([300, 300, 300, 300], 192, root=600)) == 1
    assert len(fill_rows([300, 300, 300, 300], 192)) == 4
    assert sorted(map(sorted, fill_rows([300, 100, 100, 100], 4096))) in (
        [[0], [1, 2, 3]],
        [[0, 1, 2, 3]],
    )


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
def test_models_whose_attention_cannot_share_are_refused(config: Any, reason: str | None) -> None:
    found = why_not(AutoModelForCausalLM.from_config(config), longest=100)
    assert found is None if reason is None else found is not None and found.startswith(reason)

"""The same loss for any micro batch, accumulation and number of workers, with the default loss.

Chains differ much in length, so that a mean over the tokens of a micro batch would differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from pipeline.agent.loss_masks import IGNORED
from pipeline.recipe.training import Supervised, Train
from pipeline.training.arguments import evaluation_batch_size, shared_arguments
from pipeline.training.dataset import Prepared, store
from pipeline.training.dpo import MaskedDPOTrainer, chosen_nll
from pipeline.training.worker import TrainJob, _dpo_trainer, _sft_trainer
from tests.pipeline.training.rows import ROWS, VOCABULARY, row

PAIRS = [
    *ROWS[:4],
    row([5, 6], [12, *range(14, 38)], [13, 14]),
    row([9], [11], [12, 13]),
    *ROWS[:2],
]
BATCH = 4
CLOSE = 1e-5  # relative; sums of float32 in another order


@pytest.fixture
def model(tmp_path: Path) -> str:
    """The folder of a tiny model."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        initializer_range=0.3,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def _trainer(
    stage: Any, model: str, out: Path, tokenizer: Any, micro: int, heldout: int = 0, **settings: Any
) -> Any:
    """The trainer of a worker, on one process without DeepSpeed."""
    out.mkdir()
    rows = PAIRS if stage == "dpo" else [_supervised(pair) for pair in PAIRS]
    store(Prepared(rows, rows[:heldout]), out, BATCH)
    chosen = Train(
        batch_size=BATCH,
        micro_batch_size=micro,
        learning_rate=0.01,
        epochs=2,
        sft=Supervised(learning_rate=0.01, epochs=2),
        report_to=[],
        **settings,
    )
    arguments = shared_arguments(chosen, 0, False, str(out / "scratch"), workers=1)
    arguments |= {"deepspeed": None, "save_strategy": "no"}
    job = TrainJob(stage, model, "", str(out), None, 0, chosen.model_dump(), gpu=False)
    build = _dpo_trainer if stage == "dpo" else _sft_trainer
    return build(job, chosen, tokenizer, arguments)


def _supervised(pair: dict[str, list[int]]) -> dict[str, list[int]]:
    prompt, chosen = pair["prompt_ids"], pair["chosen_ids"]
    labels = [t if m else IGNORED for t, m in zip(chosen, pair["chosen_mask"], strict=True)]
    return {"input_ids": prompt + chosen, "labels": [IGNORED] * len(prompt) + labels}


def _gradients(loss: torch.Tensor, trainer: Any) -> torch.Tensor:
    found = torch.autograd.grad(loss, [w for w in trainer.model.parameters() if w.requires_grad])
    return torch.cat([each.flatten() for each in found])


@pytest.mark.parametrize("loss", ["dpop", "sigmoid", "ipo"])
def test_the_mean_over_micro_batches_is_the_loss_of_the_whole_batch(
    loss: str, model: str, tokenizer: Any, tmp_path: Path
) -> None:
    """Accumulation and workers both take this mean."""
    trainer = _trainer("dpo", model, tmp_path / "out", tokenizer, BATCH, loss=loss)
    with torch.no_grad():
        for weight in trainer.model.parameters():
            weight += 0.03 * torch.randn(weight.shape, generator=torch.manual_seed(1))
    rows = [trainer.train_dataset[index] for index in range(8)]
    trainer.model.train()
    by_size = {}
    for size in (1, 2, 4, 8):
        parts = [rows[start : start + size] for start in range(0, 8, size)]
        losses = [trainer.compute_loss(trainer.model, trainer.data_collator(p)) for p in parts]
        mean = torch.stack(losses).mean()
        by_size[size] = mean.item(), _gradients(mean, trainer)
    whole, gradients = by_size[8]
    for value, others in by_size.values():
        assert value == pytest.approx(whole, rel=CLOSE)
        assert (others - gradients).abs().max() < 1e-4 * gradients.abs().max()


@pytest.mark.train
@pytest.mark.parametrize("stage", ["dpo", "sft"])
def test_training_is_the_same_for_every_micro_batch(
    stage: str, model: str, tokenizer: Any, tmp_path: Path
) -> None:
    curves = {}
    for micro in (1, 2, 4):
        trainer = _trainer(stage, model, tmp_path / str(micro), tokenizer, micro)
        trainer.train()
        curves[micro] = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert len(curves[4]) == 2 * 8 / BATCH
    assert curves[1] == pytest.approx(curves[4], rel=1e-3)
    assert curves[2] == pytest.approx(curves[4], rel=1e-3)
    assert curves[4][-1] != pytest.approx(curves[4][0], rel=0.01)  # it learns


def test_nll_is_per_token_of_each_chosen_chain() -> None:
    """Two pairs: -(-1 - 2) / 2 = 1.5, and -(-4) / 1 = 4; rejected chains do not count."""
    log_probs = torch.tensor([[0.0, -1, -2], [0, 0, -4], [0, -9, -9], [-9, -9, -9]])
    mask = torch.tensor([[0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 1, 1]])
    assert chosen_nll(log_probs, mask).tolist() == [1.5, 4]


def test_a_chain_without_trained_tokens_costs_nothing() -> None:
    assert chosen_nll(torch.zeros(2, 2), torch.zeros(2, 3)).tolist() == [0]


@pytest.mark.train
@pytest.mark.parametrize("micro", [1, 2, 4])
def test_each_held_out_pair_is_measured_once(
    micro: int, model: str, tokenizer: Any, tmp_path: Path
) -> None:
    """Five pairs, in batches of 4 and 1 too, are a mean over five."""
    trainer: MaskedDPOTrainer = _trainer(
        "dpo", model, tmp_path / "out", tokenizer, micro, heldout=5
    )
    with torch.no_grad():
        for weight in trainer.model.parameters():  # type: ignore[union-attr]  # it has a model
            weight += 0.03 * torch.randn(weight.shape, generator=torch.manual_seed(1))
    measured = trainer.evaluate()
    single = [trainer.data_collator([trainer.eval_dataset[i]]) for i in range(5)]  # type: ignore[index]
    trainer.model.eval()  # type: ignore[union-attr]
    losses = [trainer.compute_loss(trainer.model, each).item() for each in single]
    chosen = torch.cat(trainer._evaluated["logps/chosen"])
    right = torch.cat(trainer._evaluated["rewards/accuracies"])
    assert len(chosen) == 5 and 0 < right.sum() < 5
    assert measured["eval_rewards/accuracies"] == pytest.approx(right.mean().item())
    assert measured["eval_logps/chosen"] == pytest.approx(chosen.mean().item(), rel=CLOSE)
    assert measured["eval_loss"] == pytest.approx(sum(losses) / 5, rel=1e-4)


@pytest.mark.parametrize(
    ("rows", "micro", "workers", "size"),
    [(17, 4, 1, 4), (17, 4, 2, 1), (18, 4, 2, 3), (16, 4, 3, 4), (1, 4, 4, 1), (500, 16, 8, 10)],
)
def test_several_workers_evaluate_only_full_batches(
    rows: int, micro: int, workers: int, size: int
) -> None:
    assert evaluation_batch_size(rows, micro, workers) == size

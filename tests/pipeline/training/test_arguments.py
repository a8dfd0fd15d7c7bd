"""The recipe's section `train` as arguments, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.recipe.training import Train
from pipeline.training.arguments import deepspeed, lora, shared_arguments


def arguments(
    settings: Train, seed: int = 7, gpu: bool = False, workers: int = 1
) -> dict[str, Any]:
    return shared_arguments(settings, seed, gpu, "/scratch", workers)


def train(**settings: Any) -> Train:
    return Train.model_validate(settings)


def test_a_step_has_the_same_pairs_for_any_number_of_workers() -> None:
    settings = train(batch_size=24, micro_batch_size=3, workers=4)
    steps = {count: arguments(settings, workers=count) for count in (1, 2, 4)}
    assert {n: each["gradient_accumulation_steps"] for n, each in steps.items()} == {
        1: 8,
        2: 4,
        4: 2,
    }
    for each in steps.values():
        assert each["per_device_train_batch_size"] == each["per_device_eval_batch_size"] == 3
        assert each["deepspeed"]["train_batch_size"] == 24


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))
def test_deepspeed_and_the_trainer_have_sizes_that_multiply_to_the_batch(
    micro: int, workers: int, accumulate: int
) -> None:
    batch = micro * workers * accumulate
    settings = train(batch_size=batch, micro_batch_size=micro, workers=workers)
    found = arguments(settings, workers=workers)
    config = found["deepspeed"]
    assert config["train_micro_batch_size_per_gpu"] == found["per_device_train_batch_size"]
    assert config["gradient_accumulation_steps"] == found["gradient_accumulation_steps"]
    sizes = config["train_micro_batch_size_per_gpu"], config["gradient_accumulation_steps"]
    assert sizes[0] * sizes[1] * workers == config["train_batch_size"] == batch


@pytest.mark.parametrize(
    ("precision", "gpu", "bf16"),
    [
        ("auto", True, True),
        ("auto", False, False),
        ("bf16", False, True),
        ("fp32", True, False),
    ],
)
def test_precision_is_bf16_on_gpus_unless_it_is_given(
    precision: str, gpu: bool, bf16: bool
) -> None:
    found = arguments(train(precision=precision), gpu=gpu)
    assert found["bf16"] is bf16
    assert found["deepspeed"]["bf16"] == {"enabled": bf16}
    assert found["use_cpu"] is not gpu


@pytest.mark.parametrize(
    ("given", "gpu", "used"), [(None, True, True), (None, False, False), (False, True, False)]
)
def test_activations_are_recomputed_on_gpus_unless_it_is_given(
    given: bool | None, gpu: bool, used: bool
) -> None:
    settings = train(gradient_checkpointing=given)
    assert arguments(settings, gpu=gpu)["gradient_checkpointing"] is used


def test_a_large_seed_fits_the_trainer() -> None:
    found = arguments(train(), seed=2**31 + 5)
    assert found["seed"] == found["data_seed"] == 5


def test_checkpoints_are_written_to_the_given_folder_every_so_many_steps() -> None:
    found = arguments(train(checkpoint_steps=3))
    assert (found["output_dir"], found["save_strategy"], found["save_steps"]) == (
        "/scratch",
        "steps",
        3,
    )


@pytest.mark.parametrize(
    ("settings", "expected", "clipping"),
    [
        ({}, ("cosine", 0.05, 0.0, 1.0), 1.0),
        ({"scheduler": "linear", "warmup": 0.2}, ("linear", 0.2, 0.0, 1.0), 1.0),
        ({"scheduler": "constant"}, ("constant_with_warmup", 0.05, 0.0, 1.0), 1.0),
        ({"warmup": 0, "weight_decay": 0.1}, ("cosine", 0, 0.1, 1.0), 1.0),
        ({"max_grad_norm": 0.3}, ("cosine", 0.05, 0.0, 0.3), 0.3),
        ({"max_grad_norm": None}, ("cosine", 0.05, 0.0, 0.0), 0.0),
    ],
)
def test_schedule_decay_and_clipping_are_the_recipes(
    settings: dict[str, Any], expected: tuple[Any, ...], clipping: float
) -> None:
    found = arguments(train(**settings))
    names = ("lr_scheduler_type", "warmup_steps", "weight_decay", "max_grad_norm")
    assert tuple(found[name] for name in names) == expected
    assert found["deepspeed"]["gradient_clipping"] == clipping


CPU = {"device": "cpu"}


@pytest.mark.parametrize(
    ("settings", "offloaded"),
    [
        ({}, {}),
        ({"offload": "optimizer"}, {"offload_optimizer": CPU}),
        (
            {"offload": "all", "zero_stage": 3},
            {"offload_optimizer": CPU, "offload_param": CPU},
        ),
    ],
)
def test_parts_that_are_offloaded_go_to_the_cpu(
    settings: dict[str, Any], offloaded: dict[str, Any]
) -> None:
    zero = deepspeed(train(**settings), micro=4, accumulate=4, bf16=False)["zero_optimization"]
    assert {name: part for name, part in zero.items() if name.startswith("offload")} == offloaded
    assert zero["stage"] == train(**settings).zero_stage


def test_all_weights_are_trained_without_lora() -> None:
    assert lora(train()) is None


def test_lora_is_pefts_with_the_recipes_numbers() -> None:
    config = lora(train(lora={"r": 4, "alpha": 6, "dropout": 0.1, "target_modules": ["q_proj"]}))
    assert (config.r, config.lora_alpha, config.lora_dropout) == (4, 6, 0.1)
    assert config.target_modules == {"q_proj"}
    assert config.task_type == "CAUSAL_LM"
    assert lora(train(lora={})).target_modules == "all-linear"

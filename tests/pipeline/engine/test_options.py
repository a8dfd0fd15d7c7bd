"""pipeline.engine.options: vLLM's own checks of option values, without model and device."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.options import fault, option_names
from pipeline.recipe.load import load, shipped

pytestmark = pytest.mark.vllm


def test_option_names_are_those_of_vllm_without_model() -> None:
    assert {"max_model_len", "tensor_parallel_size", "dtype"} <= {*option_names()}
    assert "model" not in option_names()


@pytest.mark.parametrize("name", shipped())
def test_the_options_of_shipped_recipes_pass(name: str) -> None:
    """`pipeline.run.preflight` skips these options because they pass."""
    recipe = load(name)
    assert fault(recipe.teacher.engine) is None
    assert fault(recipe.student.engine) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpu_memory_utilization": 3}, "input should be less than or equal to 1, got 3"),
        ({"max_model_len": "4k"}, "input should be a valid integer, got '4k'"),
        ({"tensor_parallel_size": 0}, "input should be greater than or equal to 1, got 0"),
        ({"enforce_eager": "yes"}, "input should be a valid boolean, got 'yes'"),
    ],
)
def test_a_refused_value_is_reported_with_the_expected_type_or_bound(
    options: dict[str, Any], message: str
) -> None:
    assert fault(options) == (next(iter(options)), message)


def test_an_unknown_word_is_refused_with_the_allowed_words() -> None:
    refusal = fault({"dtype": "bflot16"})
    assert refusal
    assert refusal[0] == "dtype"
    assert "'bfloat16'" in refusal[1]


def test_nested_options_are_checked_too() -> None:
    refusal = fault({"compilation_config": {"foo": 1}})
    assert refusal == ("", "CompilationConfig: foo: unexpected keyword argument")


@pytest.mark.parametrize(
    "options",
    [
        # our defaults, overridden
        {"enable_prefix_caching": False, "enable_chunked_prefill": True, "disable_log_stats": True},
        {"distributed_executor_backend": "mp", "max_model_len": -1, "block_size": None},
        {"attention_backend": "FLASH_ATTN", "moe_backend": "TRITON", "dtype": "bfloat16"},
    ],
)
def test_values_that_vllm_accepts_pass(options: dict[str, Any]) -> None:
    assert fault(options) is None

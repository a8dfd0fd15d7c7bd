"""pipeline.engine.options: what vLLM itself would refuse, without model and device."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.options import fault, option_names
from pipeline.recipe.load import load, shipped

pytestmark = pytest.mark.vllm


def test_the_options_are_vllms_own_without_the_model() -> None:
    assert {"max_model_len", "tensor_parallel_size", "dtype"} <= {*option_names()}
    assert "model" not in option_names()


@pytest.mark.parametrize("name", shipped())
def test_the_options_of_shipped_recipes_pass(name: str) -> None:
    """`pipeline.run.preflight` takes them for granted."""
    recipe = load(name)
    assert fault(recipe.teacher.engine) is None
    assert fault(recipe.student.engine) is None


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"gpu_memory_utilization": 3}, "input should be less than or equal to 1, got 3"),
        ({"max_model_len": "4k"}, "input should be a valid integer, got '4k'"),
        ({"tensor_parallel_size": 0}, "input should be greater than or equal to 1, got 0"),
        ({"enforce_eager": "yes"}, "input should be a valid boolean, got 'yes'"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(options: dict[str, Any], found: str) -> None:
    assert fault(options) == (next(iter(options)), found)


def test_a_word_that_is_none_of_vllms_is_refused() -> None:
    found = fault({"dtype": "bflot16"})
    assert found
    assert found[0] == "dtype"
    assert "'bfloat16'" in found[1]


def test_a_part_of_an_option_is_looked_at_too() -> None:
    found = fault({"compilation_config": {"foo": 1}})
    assert found == ("", "CompilationConfig: foo: unexpected keyword argument")


@pytest.mark.parametrize(
    "options",
    [
        # ours, which a recipe may set otherwise
        {"enable_prefix_caching": False, "enable_chunked_prefill": True, "disable_log_stats": True},
        {"distributed_executor_backend": "mp", "max_model_len": -1, "block_size": None},
        {"attention_backend": "FLASH_ATTN", "moe_backend": "TRITON", "dtype": "bfloat16"},
    ],
)
def test_what_vllm_takes_passes(options: dict[str, Any]) -> None:
    assert fault(options) is None

"""The engine of generation and serving: what it says where vLLM cannot start it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.engine import EngineRefused, LocalEngine
from tests.conftest import ROOT

STUDENT = ROOT / "pipeline" / "pocket" / "student"
pytestmark = pytest.mark.vllm


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_model_len": 999_999}, r"max_model_len \(999999\) is greater than"),
        ({"no_such": 9}, "unexpected keyword argument 'no_such'"),
    ],
)
def test_an_option_that_vllm_refuses_is_said_in_one_line(
    options: dict[str, Any], said: str
) -> None:
    async def start() -> None:
        LocalEngine(str(STUDENT), options, 1.0)

    with pytest.raises(EngineRefused, match=f"^vLLM cannot start {STUDENT}: .*{said}") as raised:
        asyncio.run(start())
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500

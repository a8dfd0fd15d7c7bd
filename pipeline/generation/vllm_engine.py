"""vLLM behind the engine protocol: tokens in, tokens out.

Not here: the engine's processes (`pipeline.engine.engine`), chains (`pipeline.agent.driver`),
actors (`pipeline.generation.actor`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from pipeline.agent.driver import EngineError, Sampling
from pipeline.engine.engine import EngineCapacity, LocalEngine
from pipeline.records import Reply


class VllmEngine:
    """One vLLM engine. Make it inside a running event loop, and use it from that loop only."""

    def __init__(self, model: str, options: dict[str, Any], kv_cache_gib: float) -> None:
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model)
        self._engine = LocalEngine(model, options, kv_cache_gib)

    @property
    def context(self) -> int:
        """Most tokens of prompt and reply together."""
        return self._engine.context

    @property
    def capacity(self) -> EngineCapacity | None:
        """What the engine holds; None where vLLM does not tell."""
        return self._engine.capacity

    @property
    def dead(self) -> bool:
        """Whether the engine process is gone; it cannot be revived."""
        return self._engine.dead

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """One reply; raises EngineError for whatever vLLM raises (the engine's boundary)."""
        try:
            return await self._engine.generate(prompt_token_ids, sampling)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise EngineError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """End the engine process."""
        self._engine.close()

"""The driver's engine protocol on vLLM: tokens in, tokens out.

Not here: the engine's processes (`pipeline.engine.engine`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from pipeline.agent.driver import EngineError, Sampling
from pipeline.engine.engine import EngineCapacity, LocalEngine
from pipeline.records import Reply


class VllmEngine:
    """One vLLM engine. Create it inside a running event loop, and use it only in that loop."""

    def __init__(self, model: str, options: dict[str, Any], kv_cache_gib: float) -> None:
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model)
        self._engine = LocalEngine(model, options, kv_cache_gib)

    @property
    def context(self) -> int:
        """Maximum tokens of prompt and reply together."""
        return self._engine.context

    @property
    def capacity(self) -> EngineCapacity | None:
        """The engine's capacity; None if vLLM does not report its cache blocks."""
        return self._engine.capacity

    @property
    def dead(self) -> bool:
        """Whether the engine process has died; it cannot be restarted."""
        return self._engine.dead

    @property
    def on_token(self) -> Callable[[], None] | None:
        """Called while tokens come (`pipeline.engine.watch`)."""
        return self._engine.on_token

    @on_token.setter
    def on_token(self, on_token: Callable[[], None]) -> None:
        self._engine.on_token = on_token

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """Decode one reply; raises EngineError for any exception from vLLM."""
        try:
            return await self._engine.generate(prompt_token_ids, sampling)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise EngineError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """End the engine process."""
        self._engine.close()

"""vLLM behind the engine protocol: AsyncLLM with its engine process, both watched.

Tokens in, tokens out. The engine core is a child process; a guard process ends it if this process
dies in any way, so no engine outlives a killed driver or actor.

Not here: chains (`pipeline.rollout`), actors (`pipeline.actors`).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import psutil
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from pipeline.records import Reply
from pipeline.rollout import EngineError, Sampling

# Waits for the end of its standard input, that is for the death of its parent, then ends the
# process ids in its arguments.
_GUARD = """
import os, signal, sys
sys.stdin.buffer.read()
for pid in map(int, sys.argv[1:]):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


class VllmEngine:
    """One vLLM engine. Make it inside a running event loop, and use it from that loop only."""

    def __init__(self, model: str, options: dict[str, Any], kv_cache_gib: float) -> None:
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(kv_cache_gib)))
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model)
        before = set(psutil.Process().children(recursive=True))
        self._llm = AsyncLLM.from_engine_args(
            AsyncEngineArgs(model=model, **_defaults(options) | options)
        )
        engines = set(psutil.Process().children(recursive=True)) - before
        self._guard = subprocess.Popen(
            [sys.executable, "-S", "-c", _GUARD, *(str(process.pid) for process in engines)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._ids = itertools.count()

    @property
    def context(self) -> int:
        """Most tokens of prompt and reply together."""
        return self._llm.model_config.max_model_len

    @property
    def dead(self) -> bool:
        """Whether the engine process is gone; it cannot be revived."""
        return self._llm.errored

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """One reply; raises EngineError for whatever vLLM raises (the engine's boundary)."""
        from vllm import SamplingParams
        from vllm.inputs import TokensPrompt
        from vllm.sampling_params import RequestOutputKind

        params = SamplingParams(
            temperature=sampling.temperature,
            max_tokens=sampling.max_tokens,
            seed=sampling.seed,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        prompt = TokensPrompt(prompt_token_ids=list(prompt_token_ids))
        try:
            final = None
            async for output in self._llm.generate(prompt, params, str(next(self._ids))):
                final = output
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise EngineError(f"{type(error).__name__}: {error}") from error
        if final is None:
            raise EngineError("the engine answered nothing")
        completion = final.outputs[0]
        reason = "length" if completion.finish_reason == "length" else "stop"
        return Reply(completion.text, tuple(completion.token_ids), reason)

    def close(self) -> None:
        """End the engine process."""
        self._llm.shutdown()
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait(timeout=10)


def _defaults(options: dict[str, Any]) -> dict[str, Any]:
    """Engine options that suit chains of short replies; a recipe's own come over them."""
    import torch

    defaults: dict[str, Any] = {"enable_prefix_caching": True, "disable_log_stats": True}
    if torch.cuda.is_available():
        return defaults
    # vLLM 0.32 on CPU: a seeded request whose prompt is read in chunks ends the engine ("CPU
    # Generator does not use offset").
    defaults["enable_chunked_prefill"] = False
    parallel = {"tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size"}
    if not parallel & options.keys():
        # Even for one worker it would start one more process: a third import of everything.
        defaults["distributed_executor_backend"] = "uni"
    return defaults

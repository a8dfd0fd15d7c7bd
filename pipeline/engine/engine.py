"""vLLM on this machine: default options for the device, and cleanup of the engine's processes.

The engine core is a child process. A guard process kills it if this process dies in any way, so a
killed driver, actor or replica leaves no engine running.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psutil
from pydantic import ValidationError

from pipeline.agent.driver import Sampling
from pipeline.records import Reply

TOKENS_PER_SIGN = 32  # of one request; each sign of life costs a turn of the event loop

# Waits for the end of standard input, which means that the parent died. Then kills the processes
# and removes the folder that are given as arguments.
_GUARD = """
import os, shutil, signal, sys
sys.stdin.buffer.read()
for pid in map(int, sys.argv[2:]):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


@dataclass(frozen=True, slots=True)
class EngineCapacity:
    """KV-cache capacity in tokens, tokens per cache block, and most requests decoded at once."""

    cache_tokens: int
    block_tokens: int
    requests: int


class EngineRefused(RuntimeError):
    """The engine cannot be used; the message is one sentence."""


class LocalEngine:
    """One vLLM engine. Create it inside a running event loop, and use it only in that loop.

    `options` are vLLM's engine arguments and override the defaults for this machine;
    `kv_cache_gib` is the size of the KV cache on CPUs.
    """

    def __init__(self, model: str, options: dict[str, Any], kv_cache_gib: float) -> None:
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(kv_cache_gib)))
        options = _defaults(options) | options
        if options.get("distributed_executor_backend") == "uni":
            # Otherwise vLLM uses "mp" on CPUs: one more process that imports everything. The
            # engine core stays a separate process.
            os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        before = set(psutil.Process().children(recursive=True))
        # The engine's threads connect to the sockets in this folder at any time, also after the
        # engine reports that it is ready, so the folder must exist as long as the engine.
        sockets = tempfile.mkdtemp(prefix="vllm-")
        os.environ["VLLM_RPC_BASE_PATH"] = sockets
        try:
            self.arguments = AsyncEngineArgs(model=model, **options)
            self.llm = AsyncLLM.from_engine_args(self.arguments)
        except Exception as error:  # vLLM's many ways to refuse a model or an option
            shutil.rmtree(sockets, ignore_errors=True)
            raise EngineRefused(f"vLLM cannot start {model}: {reason(error)}") from None
        engines = set(psutil.Process().children(recursive=True)) - before
        # Started after the engine, which may be a fork and must not inherit the guard's input.
        self._guard = subprocess.Popen(
            [sys.executable, "-S", "-c", _GUARD, sockets, *(str(p.pid) for p in engines)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self.on_token: Callable[[], None] | None = None  # called at the first, 33rd, ... token
        self._ids = itertools.count()
        added = getattr(self.llm.get_tokenizer(), "added_tokens_decoder", {})
        self._special = {str(token): token_id for token_id, token in added.items() if token.special}

    @property
    def context(self) -> int:
        """Maximum tokens of prompt and reply together."""
        return self.llm.model_config.max_model_len

    @property
    def capacity(self) -> EngineCapacity | None:
        """The engine's capacity; None if vLLM does not report its cache blocks."""
        config = self.llm.vllm_config
        if not (blocks := config.cache_config.num_gpu_blocks):
            return None
        size = config.cache_config.block_size
        return EngineCapacity(blocks * size, size, config.scheduler_config.max_num_seqs)

    @property
    def dead(self) -> bool:
        """Whether the engine process has died; it cannot be restarted."""
        return self.llm.errored

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """Decode one reply. It ends with the first of `sampling.stop` (texts or special tokens),
        and matches `sampling.grammar` unless `stop` or `max_tokens` cuts it. Cancelling stops the
        decoding. Raises whatever vLLM raises."""
        from vllm import SamplingParams
        from vllm.inputs import TokensPrompt
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        special = self._special
        params = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.truncation.top_p,
            top_k=sampling.truncation.top_k,
            min_p=sampling.truncation.min_p,
            max_tokens=sampling.max_tokens,
            seed=sampling.seed,
            stop=[text for text in sampling.stop if text not in special],
            stop_token_ids=[special[text] for text in sampling.stop if text in special],
            include_stop_str_in_output=True,
            output_kind=RequestOutputKind.DELTA if self.on_token else RequestOutputKind.FINAL_ONLY,
            stream_interval=TOKENS_PER_SIGN,
            structured_outputs=(
                StructuredOutputsParams(grammar=sampling.grammar) if sampling.grammar else None
            ),
        )
        prompt = TokensPrompt(prompt_token_ids=list(prompt_token_ids))
        text, token_ids, final = "", [], None
        async for final in self.llm.generate(prompt, params, str(next(self._ids))):
            text += final.outputs[0].text
            token_ids += final.outputs[0].token_ids
            if self.on_token:
                self.on_token()
        if final is None:
            raise RuntimeError("the engine returned no output")
        finish_reason = "length" if final.outputs[0].finish_reason == "length" else "stop"
        return Reply(text, tuple(token_ids), finish_reason, final.num_cached_tokens or 0)

    def close(self) -> None:
        """End the engine process."""
        self.llm.shutdown()
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait(timeout=10)


def reason(error: Exception) -> str:
    """vLLM's error message on one line; the first one if a pydantic error has several."""
    checked = isinstance(error, ValidationError)
    message = error.errors()[0]["msg"].removeprefix("Value error, ") if checked else str(error)
    return textwrap.shorten(message, 300, placeholder=" ...") or type(error).__name__


def _defaults(options: dict[str, Any]) -> dict[str, Any]:
    """Default engine options for chains of short replies; a recipe's options override them."""
    import torch

    defaults: dict[str, Any] = {"enable_prefix_caching": True, "disable_log_stats": True}
    if torch.cuda.is_available():
        return defaults
    # vLLM 0.32 on CPU: a seeded request with a chunked prefill crashes the engine ("CPU Generator
    # does not use offset").
    defaults["enable_chunked_prefill"] = False
    parallel = {"tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size"}
    if not parallel & options.keys():
        defaults["distributed_executor_backend"] = "uni"
    return defaults

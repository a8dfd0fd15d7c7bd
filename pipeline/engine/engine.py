"""vLLM on this machine: options that suit the device, and no process that outlives this one.

An engine's core is a child process. A guard process ends it if this process dies in any way, so no
engine is left behind a killed driver, actor or replica.

Not here: what is asked of it (`pipeline.generation.vllm_engine`, `serving.student`).
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
from pydantic import ValidationError

from pipeline.agent.driver import Sampling
from pipeline.records import Reply

# Waits for the end of its standard input, that is for the death of its parent, then ends the
# process ids and removes the folder in its arguments.
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
    """What an engine holds: tokens in its KV cache, in blocks of so many, and requests that it
    decodes at once."""

    cache_tokens: int
    block_tokens: int
    requests: int


class EngineRefused(RuntimeError):
    """An engine cannot be started, in one sentence."""


class LocalEngine:
    """One vLLM engine. Make it inside a running event loop, and use it from that loop only.

    `options` are vLLM's engine arguments, over defaults that suit this machine; `kv_cache_gib` is
    the size of the KV cache on CPUs.
    """

    def __init__(self, model: str, options: dict[str, Any], kv_cache_gib: float) -> None:
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(kv_cache_gib)))
        options = _defaults(options) | options
        if options.get("distributed_executor_backend") == "uni":
            # else vLLM takes "mp" for it on CPUs: one process and one import of everything more.
            # The engine's core is a process of its own all the same.
            os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        before = set(psutil.Process().children(recursive=True))
        # The engine's threads connect to the sockets in here when they come to it, also after it
        # said that it is ready: the folder stays as long as the engine.
        sockets = tempfile.mkdtemp(prefix="vllm-")
        os.environ["VLLM_RPC_BASE_PATH"] = sockets
        try:
            self.arguments = AsyncEngineArgs(model=model, **options)
            self.llm = AsyncLLM.from_engine_args(self.arguments)
        except Exception as error:  # vLLM's many ways to refuse a model or an option
            shutil.rmtree(sockets, ignore_errors=True)
            raise EngineRefused(f"vLLM cannot start {model}: {reason(error)}") from None
        engines = set(psutil.Process().children(recursive=True)) - before
        # Started after the engine, which may be a fork: it must not hold the guard's input as well.
        self._guard = subprocess.Popen(
            [sys.executable, "-S", "-c", _GUARD, sockets, *(str(p.pid) for p in engines)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._ids = itertools.count()
        added = getattr(self.llm.get_tokenizer(), "added_tokens_decoder", {})
        self._special = {str(how): token for token, how in added.items() if how.special}

    @property
    def context(self) -> int:
        """Most tokens of prompt and reply together."""
        return self.llm.model_config.max_model_len

    @property
    def capacity(self) -> EngineCapacity | None:
        """What the engine holds; None where vLLM does not tell."""
        config = self.llm.vllm_config
        if not (blocks := config.cache_config.num_gpu_blocks):
            return None
        size = config.cache_config.block_size
        return EngineCapacity(blocks * size, size, config.scheduler_config.max_num_seqs)

    @property
    def dead(self) -> bool:
        """Whether the engine process is gone; it cannot be revived."""
        return self.llm.errored

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        """One reply. It ends with the first of `sampling.stop` in it, texts or special tokens, and
        follows `sampling.grammar` unless `stop` or `max_tokens` cuts it. Cancelling ends its
        decoding. Raises whatever vLLM raises."""
        from vllm import SamplingParams
        from vllm.inputs import TokensPrompt
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        special = self._special
        params = SamplingParams(
            temperature=sampling.temperature,
            max_tokens=sampling.max_tokens,
            seed=sampling.seed,
            stop=[text for text in sampling.stop if text not in special],
            stop_token_ids=[special[text] for text in sampling.stop if text in special],
            include_stop_str_in_output=True,
            output_kind=RequestOutputKind.FINAL_ONLY,
            structured_outputs=(
                StructuredOutputsParams(grammar=sampling.grammar) if sampling.grammar else None
            ),
        )
        prompt = TokensPrompt(prompt_token_ids=list(prompt_token_ids))
        final = None
        async for output in self.llm.generate(prompt, params, str(next(self._ids))):
            final = output
        if final is None:
            raise RuntimeError("the engine answered nothing")
        written = final.outputs[0]
        reason = "length" if written.finish_reason == "length" else "stop"
        cached = final.num_cached_tokens or 0
        return Reply(written.text, tuple(written.token_ids), reason, cached)

    def close(self) -> None:
        """End the engine process."""
        self.llm.shutdown()
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
        defaults["distributed_executor_backend"] = "uni"
    return defaults


def reason(error: Exception) -> str:
    """What vLLM found wrong, on one line: pydantic, through which it checks, writes several."""
    checked = isinstance(error, ValidationError)
    said = error.errors()[0]["msg"].removeprefix("Value error, ") if checked else str(error)
    return textwrap.shorten(said, 300, placeholder=" ...") or type(error).__name__

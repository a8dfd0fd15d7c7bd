"""Duration of a vLLM step by number of concurrent requests: the profile of simulated engines.

    python -m tests.benchmarks.profile      measures the random model and writes profile.json

`tests.pipeline.generation.simulated` has the engines that use it.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.models import model_folder
from tests.benchmarks.rollouts import OPTIONS, forced

PROFILE = Path(__file__).with_name("profile.json")
REQUESTS = (1, 2, 4, 8, 16, 32, 64)
PROMPT = 400  # tokens, about as many as in prompts of chains
SHORT, LONG = 20, 120  # tokens of replies; the difference in time gives the time per step
REPETITIONS = 3


def recorded() -> dict[str, Any]:
    """The profile as options of a simulated engine."""
    return json.loads(PROFILE.read_text())["engine"]


async def measured(folder: Path) -> dict[str, float]:
    """Seconds per step by number of requests, median of `REPETITIONS`."""
    from pipeline.engine.engine import LocalEngine

    engine = LocalEngine(model_folder("random", folder), OPTIONS, 2)
    times: dict[int, list[float]] = {requests: [] for requests in REQUESTS}
    for turn in range(REPETITIONS):
        for requests, seconds in times.items():
            short, long = [
                await _seconds(engine, requests, tokens, turn) for tokens in (SHORT, LONG)
            ]
            seconds.append((long - short) / (LONG - SHORT))
    engine.close()
    return {str(requests): round(statistics.median(made), 5) for requests, made in times.items()}


async def _seconds(engine: Any, requests: int, tokens: int, turn: int) -> float:
    """Seconds for `requests` concurrent replies of `tokens` tokens, with cached prompts."""
    from vllm.inputs import TokensPrompt

    async def reply(number: int, tokens: int) -> None:
        prompt = TokensPrompt(prompt_token_ids=[6 + number] * PROMPT)
        name = f"{requests}/{tokens}/{turn}/{number}"
        async for _ in engine.llm.generate(prompt, forced(tokens, number), name):
            pass

    await asyncio.gather(*(reply(number, 1) for number in range(requests)))
    started = time.perf_counter()
    await asyncio.gather(*(reply(number, tokens) for number in range(requests)))
    return time.perf_counter() - started


def main() -> None:
    """Measure and write profile.json."""
    with tempfile.TemporaryDirectory() as folder:
        steps = asyncio.run(measured(Path(folder)))
    engine = {"max_num_seqs": OPTIONS["max_num_seqs"], "seconds_per_step": steps}
    profile = {"model": "random, 49M parameters", "cpus": os.cpu_count(), "engine": engine}
    PROFILE.write_text(json.dumps(profile, indent=2) + "\n")


if __name__ == "__main__":
    main()

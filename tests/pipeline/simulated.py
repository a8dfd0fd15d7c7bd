"""An engine without weights: it takes the time that a recorded engine took, and holds as much.

Implements the engine protocol as `pipeline.engine.VllmEngine` does, with a core process of its own
that can be killed. What it replies follows from the seed alone, so a task's chain is the same
whatever died on the way: sums until, one turn in three, an answer.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from cluster.engine import Room
from cluster.session import connect
from pipeline.recipe import load
from pipeline.records import Reply
from pipeline.rollout import EngineError, Sampling
from pipeline.rundir import RunDir
from pipeline.stages import generate_stage, prepare
from pipeline.transcript import ChatTemplate
from tests.conftest import ROOT

CORE = "simulated-engine-core"
_WAITS_FOR_ITS_PARENT = f"import sys; sys.stdin.buffer.read()  # {CORE}"


class SimulatedEngine:
    """Made as vLLM is. `options` are `max_model_len`, `max_num_seqs`, and `seconds_per_step`, how
    long a step of so many requests takes (the largest number that is not above, else the smallest);
    without it no time passes."""

    def __init__(self, model: str, options: Mapping[str, Any], kv_cache_gib: float) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.context: int = options["max_model_len"]
        seqs: int = options["max_num_seqs"]
        self.room = Room(seqs * self.context, 16, seqs)
        self._template = ChatTemplate(self.tokenizer)
        self._steps = sorted(
            (int(requests), float(seconds))
            for requests, seconds in options.get("seconds_per_step", {}).items()
        )
        self._places = asyncio.Semaphore(seqs)
        self._running = 0
        self._core = subprocess.Popen(
            [sys.executable, "-S", "-c", _WAITS_FOR_ITS_PARENT], stdin=subprocess.PIPE
        )

    @property
    def dead(self) -> bool:
        return self._core.poll() is not None

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        text = _text(sampling.seed)
        tokens = self._template.reply(text)
        async with self._places:
            self._running += 1
            try:
                for _ in tokens if self._steps else ():
                    await asyncio.sleep(self._seconds())
                    self._check()
            finally:
                self._running -= 1
        self._check()
        return Reply(text, tuple(tokens))

    def _seconds(self) -> float:
        fitting = [seconds for requests, seconds in self._steps if requests <= self._running]
        return fitting[-1] if fitting else self._steps[0][1]

    def _check(self) -> None:
        if self.dead:
            raise EngineError("the engine's process is gone")

    def close(self) -> None:
        """End the core process."""
        self._core.kill()
        self._core.wait()


def generate(recipe: str, place: str) -> None:
    """The stage `generate` of a recipe, with engines that are simulated, on the cluster that
    RAY_ADDRESS names or a private one."""
    Path(place).mkdir(exist_ok=True)
    prepared = prepare(load(recipe), RunDir(Path(place)))
    simulated = replace(
        prepared, engine_class=f"tests.pipeline.simulated:{SimulatedEngine.__name__}"
    )
    with connect(ROOT, cpus=2):
        generate_stage(simulated)


def _text(seed: int) -> str:
    drawn = random.Random(seed)
    first, second = drawn.randrange(100), drawn.randrange(100)
    if drawn.random() < 1 / 3:
        return f"answer(value={first % 4})"
    return f"add(a={first}, b={second})"


if __name__ == "__main__":
    generate(*sys.argv[1:])

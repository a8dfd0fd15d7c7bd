"""A simulated engine without weights, with the step times and capacity of a recorded engine.

Implements the same engine protocol as `pipeline.generation.vllm_engine.VllmEngine`, with a core
process that can be killed. Replies depend only on the seed, so a task's chain is the same whatever
dies: calls of `add`, until a reply is an answer.

    python -m tests.pipeline.generation.simulated RECIPE RUN_DIR     the stage `generate` with
                                                                     simulated engines
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast  # AutoTokenizer imports torch

from pipeline.agent.driver import EngineError, Sampling
from pipeline.agent.transcript import ChatTemplate
from pipeline.engine.engine import EngineCapacity
from pipeline.pocket.models import TOOLSET, folder
from pipeline.records import Reply
from tests.conftest import ROOT

SIMULATED = "tests.pipeline.generation.simulated:SimulatedEngine"
CORE = "simulated-engine-core"
_WAIT_FOR_PARENT_EXIT = f"import sys; sys.stdin.buffer.read()  # {CORE}"


class SimulatedEngine:
    """Created with the same arguments as VllmEngine. `options`:

    max_model_len, max_num_seqs    as in vLLM
    seconds_per_step               seconds of a step by its number of requests, interpolated
                                   linearly; without it, replies take no time
    lengths                        lengths of replies in steps, one chosen by the seed; without it,
                                   one step per token
    answers                        share of replies that are an answer, by default a third
    """

    def __init__(self, model: str, options: Mapping[str, Any], kv_cache_gib: float) -> None:
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(model)
        self.context: int = options["max_model_len"]
        seqs: int = options["max_num_seqs"]
        self.capacity = EngineCapacity(seqs * self.context, 16, seqs)
        self._template = ChatTemplate(self.tokenizer)
        self._answers: float = options.get("answers", 1 / 3)
        self._lengths: list[int] = options.get("lengths", [])
        seconds = options.get("seconds_per_step", {})
        self._requests = [int(requests) for requests in seconds]
        self._seconds = [*seconds.values()]
        self._slots = asyncio.Semaphore(seqs)
        self._running = 0
        self._core = subprocess.Popen(
            [sys.executable, "-S", "-c", _WAIT_FOR_PARENT_EXIT], stdin=subprocess.PIPE
        )

    @property
    def dead(self) -> bool:
        return self._core.poll() is not None

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        text = self._text(sampling.seed)
        tokens = self._template.reply(text)
        async with self._slots:
            self._running += 1
            try:
                if self._seconds:
                    lengths = self._lengths or [len(tokens)]
                    step = np.interp(self._running, self._requests, self._seconds)
                    await asyncio.sleep(lengths[sampling.seed % len(lengths)] * step)
            finally:
                self._running -= 1
        if self.dead:
            raise EngineError("the engine's process has died")
        return Reply(text, tuple(tokens))

    def _text(self, seed: int) -> str:
        rng = random.Random(seed)
        first, second = rng.randrange(100), rng.randrange(100)
        if rng.random() < self._answers:
            return f"answer(value={first % 4})"
        return f"add(a={first}, b={second})"

    def close(self) -> None:
        """End the core process."""
        self._core.kill()
        self._core.wait()


def write_recipe(
    place: Path, problems: int, samples: int, engine: Mapping[str, Any], cluster: Mapping[str, Any]
) -> Path:
    """Write to the folder `place` a recipe with a simulated teacher, and its problems; a quarter of
    all answers is correct."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / "problems.jsonl").open("w") as file:
        for i in range(problems):
            row = {"problem_id": str(i), "question": f"What is {i} and 1?", "answer": i % 4}
            file.write(json.dumps(row | {"split": "train"}) + "\n")
    recipe: dict[str, Any] = {
        "toolset": TOOLSET,
        "problems": {"path": str(place / "problems.jsonl"), "decontaminate_ngram": None},
        "agent": {"think": False, "reply_tokens": 32},
        "teacher": {
            "model": str(folder("teacher")),
            "samples": {"min": samples, "max": samples},
            "engine": {"max_model_len": 1024, **engine},
        },
        "pairs": {"rejected_from": ["teacher"]},
        "cluster": dict(cluster),
    }
    path = place / "recipe.yaml"
    path.write_text(json.dumps(recipe))  # JSON is YAML
    return path


def command(recipe: Path, run_dir: Path) -> list[str]:
    """Command that generates with simulated engines, on the cluster at RAY_ADDRESS or a private
    one."""
    return [sys.executable, "-m", "tests.pipeline.generation.simulated", str(recipe), str(run_dir)]


def generate(recipe: Path, run_dir: Path) -> None:
    """Run the stage `generate` of a recipe with simulated engines."""
    from cluster.session import connect

    with connect(ROOT, cpus=2):
        generate_connected(str(recipe), run_dir)


def generate_connected(
    recipe: str, run_dir: Path, *overrides: str, engine: str = SIMULATED
) -> None:
    """Run the stage `generate` on the cluster that this process is connected to."""
    from dataclasses import replace

    from pipeline.generation.stage import generate_stage
    from pipeline.recipe.load import load
    from pipeline.run.run import prepare
    from pipeline.run_dir import RunDir, opened

    loaded = load(recipe, overrides)
    prepared = prepare(loaded, RunDir(run_dir))
    with opened(run_dir, loaded, ROOT):
        generate_stage(replace(prepared, engine_class=engine))


if __name__ == "__main__":
    generate(*map(Path, sys.argv[1:]))

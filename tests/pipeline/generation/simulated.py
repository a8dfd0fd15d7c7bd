"""An engine without weights: it takes the time that a recorded engine took, and holds as much.

Implements the engine protocol as `pipeline.generation.vllm_engine.VllmEngine` does, with a core
process of its own that can be killed. What it replies follows from the seed alone, so a task's
chain is the same whatever died on the way: sums, until a reply is an answer.

    python -m tests.pipeline.generation.simulated RECIPE RUN_DIR     the stage `generate` with such
    engines
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
_WAITS_FOR_ITS_PARENT = f"import sys; sys.stdin.buffer.read()  # {CORE}"


class SimulatedEngine:
    """Made as vLLM is. `options` are `max_model_len`, `max_num_seqs`; `seconds_per_step`, how long
    a step takes by requests in it, linear in between, without which no time passes; `lengths`, in
    steps, of which replies take one by their seed, else a step a token; `answers`, the share of
    replies that are an answer, by default a third."""

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
        self._places = asyncio.Semaphore(seqs)
        self._running = 0
        self._core = subprocess.Popen(
            [sys.executable, "-S", "-c", _WAITS_FOR_ITS_PARENT], stdin=subprocess.PIPE
        )

    @property
    def dead(self) -> bool:
        return self._core.poll() is not None

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        text = self._text(sampling.seed)
        tokens = self._template.reply(text)
        async with self._places:
            self._running += 1
            try:
                if self._seconds:
                    lengths = self._lengths or [len(tokens)]
                    step = np.interp(self._running, self._requests, self._seconds)
                    await asyncio.sleep(lengths[sampling.seed % len(lengths)] * step)
            finally:
                self._running -= 1
        if self.dead:
            raise EngineError("the engine's process is gone")
        return Reply(text, tuple(tokens))

    def _text(self, seed: int) -> str:
        drawn = random.Random(seed)
        first, second = drawn.randrange(100), drawn.randrange(100)
        if drawn.random() < self._answers:
            return f"answer(value={first % 4})"
        return f"add(a={first}, b={second})"

    def close(self) -> None:
        """End the core process."""
        self._core.kill()
        self._core.wait()


def write_recipe(
    place: Path, problems: int, samples: int, engine: Mapping[str, Any], cluster: Mapping[str, Any]
) -> Path:
    """A recipe in the folder `place`, whose teacher is simulated, and its problems: a quarter of
    all answers is right."""
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
    """Generates with simulated engines, on the cluster of RAY_ADDRESS or a private one."""
    return [sys.executable, "-m", "tests.pipeline.generation.simulated", str(recipe), str(run_dir)]


def generate(recipe: Path, run_dir: Path) -> None:
    """The stage `generate` of a recipe, with engines that are simulated."""
    from cluster.session import connect

    with connect(ROOT, cpus=2):
        generate_connected(str(recipe), run_dir)


def generate_connected(
    recipe: str, run_dir: Path, *overrides: str, engine: str = SIMULATED
) -> None:
    """The same, on the cluster that this process has joined."""
    from dataclasses import replace

    from pipeline.generation.stage import generate_stage
    from pipeline.recipe.load import load
    from pipeline.run.run import prepare
    from pipeline.run_dir import RunDir, opened

    wanted = load(recipe, overrides)
    prepared = prepare(wanted, RunDir(run_dir))
    with opened(run_dir, wanted, ROOT):
        generate_stage(replace(prepared, engine_class=engine))


if __name__ == "__main__":
    generate(*map(Path, sys.argv[1:]))

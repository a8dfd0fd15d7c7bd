"""Generation: our driver against the engine alone, and against drivers that wait.

All use one workload: 256 chains of 1 to 8 turns with forced replies of log-normal length (median
40 tokens, 95th percentile 200); every turn except the last is a call, run by the executor. The
requests of our driver are recorded; the ceiling is vLLM's offline engine, which gets the same
prompts and lengths all at once, without turns. Rates are generated tokens per second. The loss of a
driver that waits depends on the cost of a step with few requests: small on two CPUs, but on a GPU
as high as that of a step with many. `ceiling_ratio` therefore compares the ceiling with it as well.

Not covered: Ray Data, the start of an engine, more than one engine.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import toolsets
from pipeline.agent.driver import Limits, Rollout, Runner, Sampling
from pipeline.records import Problem, Reply, Task
from tests.benchmarks import Result, log, run_in_process
from tests.benchmarks.models import MODELS, model_folder, tokenizer
from toolsets import Executor, ToolCall, ToolResult

REPETITIONS = {"random": 1, "pocket": 3}  # a pass of `random` takes minutes
CHAINS, MOST_TURNS = 256, 8
MEDIAN, PERCENTILE_95, LONGEST = 40, 200, 1000  # tokens of a reply
ONE_BY_ONE = 6  # chains of the sequential driver; it would take all day for all of them
WAIT = 0.005  # seconds
TURNS = 100  # distance between the seeds of two chains
OPTIONS = {"max_num_seqs": 64, "max_model_len": 8192}


def versus_ceiling() -> Result:
    """Our driver / the offline engine."""
    return _ratio("ceiling", "vLLM's offline engine, same prompts and lengths, no turns")


def versus_turn_synchronous() -> Result:
    """Our driver / all chains in lock-step."""
    return _ratio("turn_synchronous", "the same chains, all of them a turn at a time")


def versus_sequential() -> Result:
    """Our driver / one chain after another."""
    return _ratio("sequential", f"{ONE_BY_ONE} of the chains one after another, as microchain does")


def prefix_cache_vs_possible() -> Result:
    """Prompt tokens of our driver that were cached / that could have been cached."""
    detail = {}
    for model in MODELS:
        runs = _measured(model)["ours"]
        shares = [run["cached"] / run["cacheable"] for run in runs]
        detail[model] = {
            "n": len(runs),
            "ratio": round(statistics.median(shares), 4),
            "hit_rate": round(statistics.median(run["cached"] / run["prompt"] for run in runs), 4),
            "prompt_tokens": runs[0]["prompt"],
        }
    return Result(
        detail["random"]["ratio"],
        "ratio",
        "whole blocks that an earlier request had, with a cache without bounds",
        REPETITIONS["random"],
        detail,
    )


def _ratio(baseline: str, meaning: str) -> Result:
    detail: dict[str, Any] = _workload_facts()
    for model in MODELS:
        runs = _measured(model)
        pairs = zip(runs["ours"], runs[baseline], strict=True)
        ratios = [ours["rate"] / theirs["rate"] for ours, theirs in pairs]
        detail[model] = {
            "n": len(ratios),
            "ratio": round(statistics.median(ratios), 3),
            "lowest": round(min(ratios), 3),
            "highest": round(max(ratios), 3),
            "tokens_per_second": _median(runs["ours"], "rate"),
            "baseline_tokens_per_second": _median(runs[baseline], "rate"),
        }
        if baseline != "ceiling":
            detail[model]["ceiling_ratio"] = _share(runs["ceiling"], runs[baseline])
        elif "waiting" in runs:
            detail[model][f"when_calls_wait_{1000 * WAIT:g}_ms"] = _share(
                runs["waiting"], runs["ours"]
            )
    return Result(detail["random"]["ratio"], "ratio", meaning, REPETITIONS["random"], detail)


def _share(runs: Sequence[Mapping[str, float]], baseline: Sequence[Mapping[str, float]]) -> float:
    """The median ratio of the rates of paired runs."""
    pairs = zip(runs, baseline, strict=True)
    return round(statistics.median(one["rate"] / other["rate"] for one, other in pairs), 3)


def _median(runs: Sequence[Mapping[str, float]], key: str) -> float:
    return round(statistics.median(run[key] for run in runs), 1)


@cache
def _measured(model: str) -> dict[str, list[dict[str, float]]]:
    """Rates of all drivers, alternating in separate processes; measured once per command."""
    runs: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(REPETITIONS[model]):
            arguments = (model, scratch, str(turn))
            for process in ("drivers", "ceiling"):  # the ceiling replays our recorded requests
                made = run_in_process(__name__, process, *arguments, VLLM_LOGGING_LEVEL="ERROR")
                for kind, run in made.items():
                    runs.setdefault(kind, []).append(run)
            rates = ", ".join(f"{kind} {made[-1]['rate']:,.0f}" for kind, made in runs.items())
            log(f"  {model} {turn + 1}/{REPETITIONS[model]}: tokens per second: {rates}")
    return runs


def workload(seed: int = 0) -> list[list[int]]:
    """Tokens of each reply of each chain."""
    drawn = random.Random(seed)
    sigma = math.log(PERCENTILE_95 / MEDIAN) / statistics.NormalDist().inv_cdf(0.95)
    return [
        [
            max(1, min(LONGEST, round(drawn.lognormvariate(math.log(MEDIAN), sigma))))
            for _ in range(drawn.randint(1, MOST_TURNS))
        ]
        for _ in range(CHAINS)
    ]


def _workload_facts() -> dict[str, Any]:
    chains = workload()
    return {
        "chains": len(chains),
        "requests": sum(map(len, chains)),
        "tokens": sum(map(sum, chains)),
        "max_num_seqs": OPTIONS["max_num_seqs"],
        "cpus": os.cpu_count(),
    }


@dataclass
class ForcedEngine:
    """vLLM with the workload's reply lengths; the text of a reply is scripted, not sampled."""

    llm: Any
    context: int
    lengths: list[list[int]]
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        from vllm.inputs import TokensPrompt

        chain, turn = divmod(sampling.seed, TURNS)
        tokens = self.lengths[chain][turn]
        prompt = list(prompt_token_ids)
        final = None
        name = f"{chain}/{turn}/{len(self.requests)}/{time.monotonic_ns()}"
        params = forced(tokens, sampling.seed)
        async for output in self.llm.generate(TokensPrompt(prompt_token_ids=prompt), params, name):
            final = output
        assert final is not None
        written = final.outputs[0].token_ids
        assert len(written) == tokens
        self.requests.append(
            {
                "prompt": prompt,
                "written": list(written),
                "cached": final.num_cached_tokens,
                "seed": sampling.seed,
            }
        )
        last = turn == len(self.lengths[chain]) - 1
        text = "answer(value=1)" if last else f"add(a={chain}, b={turn})"
        return Reply(text, tuple(written))


@dataclass
class TurnSynchronous:
    """Holds all chains until every active one has its reply."""

    engine: ForcedEngine
    active: int
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def context(self) -> int:
        return self.engine.context

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        reply = await self.engine.generate(prompt_token_ids, sampling)
        if reply.text.startswith("answer"):
            self.active -= 1
            self._release()
            return reply
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        self._release()
        await turn
        return reply

    def _release(self) -> None:
        if len(self.waiting) == self.active:
            for future in self.waiting:
                future.set_result(None)
            self.waiting.clear()


@dataclass(frozen=True)
class Waiting:
    """Functions that wait before they compute."""

    runner: Runner

    async def submit(self, call: ToolCall) -> ToolResult:
        await asyncio.sleep(WAIT)
        return await self.runner.submit(call)


def forced(tokens: int, seed: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=1.0,
        max_tokens=tokens,
        ignore_eos=True,
        seed=seed,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


async def drivers(model: str, folder: Path, first: int) -> dict[str, dict[str, float]]:
    """Rates of every driver on one engine, starting with number `first`; the cache is emptied in
    between. The requests of our driver are recorded."""
    from pipeline.agent.transcript import ChatTemplate
    from pipeline.engine.engine import LocalEngine
    from pipeline.pocket.models import TOOLSET, dialect

    lengths = workload()
    local = LocalEngine(model_folder(model, folder), OPTIONS, 2)
    block = local.llm.vllm_config.cache_config.block_size
    template = ChatTemplate(tokenizer())
    measured = {}
    with Executor(toolsets.load(TOOLSET), workers=2) as executor:

        @asynccontextmanager
        async def rollout(kind: str, active: int) -> AsyncIterator[Rollout]:
            await local.llm.reset_prefix_cache()
            engine = ForcedEngine(local.llm, local.context, lengths)
            used = TurnSynchronous(engine, active) if kind == "turn_synchronous" else engine
            runner = Waiting(executor) if kind == "waiting" else executor
            limits = Limits(MOST_TURNS, LONGEST)
            started = time.perf_counter()
            yield Rollout(
                dialect=dialect(),
                template=template,
                engine=used,
                runner=runner,
                limits=limits,
                temperature=1.0,
            )
            seconds = time.perf_counter() - started
            tokens = sum(len(request["written"]) for request in engine.requests)
            measured[kind] = {"rate": tokens / seconds, "seconds": seconds}
            if kind == "ours":
                measured[kind] |= _cache_facts(engine.requests, block)
                (folder / f"{model}.json").write_text(json.dumps(engine.requests))

        await _warm_up(ForcedEngine(local.llm, local.context, lengths))
        # a wait of milliseconds is measurable only if replies take about as long
        kinds = ("ours", "turn_synchronous", "waiting")[: 3 if model == "pocket" else 2]
        for kind in kinds[first:] + kinds[:first]:
            async with rollout(kind, CHAINS) as make:
                chains = await asyncio.gather(*(make(_task(i)) for i in range(CHAINS)))
            assert [len(chain.steps) for chain in chains] == [*map(len, lengths)]
            assert all(chain.answer == "1" for chain in chains)
        async with rollout("sequential", ONE_BY_ONE) as make:
            for i in range(ONE_BY_ONE):
                await make(_task(i))
    local.close()
    return measured


def _cache_facts(requests: Sequence[Mapping[str, Any]], block: int) -> dict[str, int]:
    """Tokens of the prompts, cached tokens, and tokens in whole blocks of earlier requests; a
    prompt's last token is always computed."""
    known: set[int] = set()
    cacheable = 0
    for request in requests:
        prompt = request["prompt"]
        for key in _blocks(prompt[:-1], block):
            if key not in known:
                break
            cacheable += block
        known.update(_blocks(prompt + request["written"], block))
    return {
        "prompt": sum(len(request["prompt"]) for request in requests),
        "cached": sum(request["cached"] for request in requests),
        "cacheable": cacheable,
    }


def _blocks(tokens: Sequence[int], block: int) -> list[int]:
    """A key per whole block, computed from all tokens up to its end."""
    keys, key = [], 0
    for end in range(block, len(tokens) + 1, block):
        key = hash((key, *tokens[end - block : end]))
        keys.append(key)
    return keys


def ceiling(model: str, folder: Path) -> dict[str, dict[str, float]]:
    """The offline engine with all requests of our driver at once."""
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = "2"
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # as in `pipeline.engine.engine`; faster
    from vllm.engine.arg_utils import EngineArgs
    from vllm.inputs import TokensPrompt
    from vllm.v1.engine.llm_engine import LLMEngine

    from pipeline.engine.engine import _defaults

    requests = json.loads((folder / f"{model}.json").read_text())
    requests.sort(key=lambda request: request["seed"] % TURNS)  # by turn: most cache hits
    options = _defaults(OPTIONS) | OPTIONS
    arguments = EngineArgs(model=model_folder(model, folder), **options)
    engine = LLMEngine.from_engine_args(arguments, enable_multiprocessing=True)

    def generate(asked: Sequence[Mapping[str, Any]]) -> list[Any]:
        for number, request in enumerate(asked):
            prompt = TokensPrompt(prompt_token_ids=request["prompt"])
            params = forced(len(request["written"]), request["seed"])
            engine.add_request(str(number), prompt, params)
        done = []
        while engine.has_unfinished_requests():
            done += engine.step()
        return done

    generate(requests[:4])
    engine.reset_prefix_cache()
    started = time.perf_counter()
    outputs = generate(requests)
    seconds = time.perf_counter() - started
    tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
    cached = sum(output.num_cached_tokens or 0 for output in outputs)
    return {"ceiling": {"rate": tokens / seconds, "seconds": seconds, "cached": cached}}


async def _warm_up(engine: ForcedEngine) -> None:
    prompts = [[2, 3, 4 + i] for i in range(4)]
    await asyncio.gather(
        *(engine.generate(prompt, Sampling(1.0, 8, i * TURNS)) for i, prompt in enumerate(prompts))
    )


def _task(index: int) -> Task:
    name = str(index)
    problem = Problem(name, "arithmetic", f"What is {index} and 1?", "1", "train")
    return Task(name, problem, "teacher", 0, index * TURNS)


def main(process: str, model: str, folder: str, turn: str) -> None:
    """One process of a repetition; prints its measurements as one line of JSON."""
    if process == "drivers":
        measured = asyncio.run(drivers(model, Path(folder), int(turn)))
    else:
        measured = ceiling(model, Path(folder))
    print(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])

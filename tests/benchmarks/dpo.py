"""The DPO stage: our trainer against TRL's, under the same DeepSpeed configuration.

Both get the same pairs (pocket problems, first_divergence: the reference solution against one with
a mistake in its last call), batch sizes, model, precision and losses; TRL prepares and batches the
messages itself. Each measurement runs in a separate process, for its peak memory; set-up and the
first UNTIMED steps (DeepSpeed's start) are not timed.

Not covered: Ray Train, checkpoints, more than one worker.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from tests.benchmarks import Result, log, run_in_process

REPETITIONS = 5
UNTIMED = 1  # steps
STEPS = {"random": 4, "pocket": 8}  # timed
BATCH = 8  # pairs per optimizer step, in one worker
SETTINGS = {"batch_size": BATCH, "micro_batch_size": 4, "precision": "fp32"}
# 11 million parameters, so that matrix products dominate on two cores
RANDOM = {"hidden_size": 384, "intermediate_size": 1056, "num_hidden_layers": 6}
REPLACEMENTS = {"add": "subtract", "subtract": "add", "multiply": "add", "divide": "multiply"}


def versus_trl() -> Result:
    """Pairs per second without prefix sharing / TRL's."""
    return _compare("plain")


def prefix_sharing_versus_trl() -> Result:
    """Pairs per second with prefix sharing / TRL's."""
    return _compare("shared")


def _compare(ours: str) -> Result:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        facts = _prepare(folder)
        detail = {name: _measure_both(ours, name, folder) for name in STEPS}
    return Result(
        value=detail["random"]["ratio"],
        unit="ratio",
        baseline="TRL's DPOTrainer under DeepSpeed with the same configuration, pairs per second",
        n=REPETITIONS,
        detail=facts | detail,
    )


def _measure_both(ours: str, name: str, folder: Path) -> dict[str, Any]:
    """Alternate runs of the model `name`; ours is first in every other repetition."""
    runs: dict[str, list[dict[str, float]]] = {ours: [], "trl": []}
    for repetition in range(REPETITIONS):
        for kind in sorted(runs, reverse=repetition % 2 == 0):
            runs[kind].append(_run(kind, name, folder))
        rates = ", ".join(f"{kind} {made[-1]['rate']:.2f}" for kind, made in runs.items())
        log(f"  {name} {repetition + 1}/{REPETITIONS}: pairs per second: {rates}")
    ratios = [a["rate"] / b["rate"] for a, b in zip(runs[ours], runs["trl"], strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
        "parameters": int(runs[ours][0]["parameters"]),
        "pairs_per_second": _median(runs[ours], "rate"),
        "baseline_pairs_per_second": _median(runs["trl"], "rate"),
        "peak_mib": _median(runs[ours], "peak_mib"),
        "baseline_peak_mib": _median(runs["trl"], "peak_mib"),
    }


def _median(runs: Sequence[Mapping[str, float]], key: str) -> float:
    return round(statistics.median(run[key] for run in runs), 2)


def _run(kind: str, name: str, folder: Path) -> dict[str, float]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    one = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}
    env = one | {"MASTER_PORT": str(port), "TQDM_DISABLE": "1"}
    return run_in_process(__name__, kind, name, str(folder), **env)


def _prepare(folder: Path) -> dict[str, Any]:
    """Write pairs and a random model; returns statistics of the pairs."""
    from transformers import AutoTokenizer

    from pipeline import tables
    from pipeline.agent.loss_masks import encode_pair
    from pipeline.agent.transcript import ChatTemplate
    from pipeline.pocket.models import folder as pocket

    rows = list(islice(_pair_rows(), BATCH * (UNTIMED + max(STEPS.values()))))
    tables.write_parts(folder / "pairs", rows, tables.PAIRS)
    tokenizer: Any = AutoTokenizer.from_pretrained(str(pocket("student")))
    encoded = [encode_pair(row, ChatTemplate(tokenizer)) for row in rows]
    _random_model(folder / "random", tokenizer)
    return {
        "pairs": len(rows),
        "mean_tokens_of_a_pair": round(statistics.mean(map(_tokens, encoded)), 1),
        "share_of_common_tokens": round(
            sum(map(_common, encoded)) * 2 / sum(map(_tokens, encoded)), 3
        ),
        "cpus": os.cpu_count(),
    }


def _tokens(pair: Mapping[str, list[int]]) -> int:
    """Tokens of both sides, each with its prompt."""
    return 2 * len(pair["prompt_ids"]) + len(pair["chosen_ids"]) + len(pair["rejected_ids"])


def _common(pair: Mapping[str, list[int]]) -> int:
    """Length of the common prefix of both sides, with the prompt, in tokens."""
    chosen, rejected = (pair["prompt_ids"] + pair[f"{side}_ids"] for side in ("chosen", "rejected"))
    same = takewhile(lambda tokens: tokens[0] == tokens[1], zip(chosen, rejected, strict=False))
    return sum(1 for _ in same)


def _random_model(folder: Path, tokenizer: Any) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=len(tokenizer), num_attention_heads=6, **RANDOM)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _pair_rows() -> Iterator[dict[str, Any]]:
    """Endless pairs of pocket problems."""
    from pipeline import tables
    from pipeline.pairs.candidates import Candidates
    from pipeline.pairs.selection import pair_up
    from pipeline.pocket.models import dialect
    from pipeline.problems.pocket.world import problem
    from pipeline.problems.reference.chain import reference_chain

    index = 0
    while True:
        asked = problem(index, 0, "train")
        index += 1
        correct = reference_chain(asked, dialect().toolset)
        incorrect = None if correct is None else _with_mistake(correct)
        if correct is None or incorrect is None:
            continue
        candidates = Candidates(asked.problem_id, asked.question, (correct,), (incorrect,))
        made = pair_up(candidates, {"first_divergence": 1.0}, 1, 0, dialect(), Counter())
        yield from map(tables.pair_row, made)


def _with_mistake(chain: Any) -> Any:
    """`chain` with another function in its last call, which is executed, and the resulting answer;
    None if that function has no replacement."""
    from pipeline.pocket.models import dialect
    from pipeline.records import Step

    toolset = dialect().toolset
    last = chain.steps[-2].call
    if last.name not in REPLACEMENTS:
        return None
    call = toolset.parse(last.raw.replace(last.name, REPLACEMENTS[last.name]))
    result = toolset.execute(call)
    answer = toolset.parse(f"answer(value={result.content})")
    steps = (*chain.steps[:-2], Step(call.raw, call, result), Step(answer.raw, answer, None))
    return replace(chain, chain_id=f"{chain.chain_id}/mistaken", steps=steps)


def measure(kind: str, name: str, folder: Path) -> dict[str, float]:
    """Train in this process; returns pairs per second, peak resident MiB and parameters."""
    os.environ["DS_ACCELERATOR"] = "cpu"
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from pipeline.pocket.models import folder as pocket

    path = str(pocket("student") if name == "pocket" else folder / name)
    tokenizer: Any = AutoTokenizer.from_pretrained(path)
    model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    parameters = sum(weight.numel() for weight in model.parameters())
    with tempfile.TemporaryDirectory() as scratch:
        trainer = _trainer(kind, model, tokenizer, folder / "pairs", scratch, STEPS[name])
        clock = _clock(trainer)
        trainer.train()
    seconds = clock[-1] - clock[UNTIMED - 1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rate": BATCH * STEPS[name] / seconds,
        "peak_mib": peak,
        "parameters": parameters,
    }


def _trainer(kind: str, model: Any, tokenizer: Any, pairs: Path, scratch: str, steps: int) -> Any:
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    from pipeline import tables
    from pipeline.agent.loss_masks import encode_pair
    from pipeline.agent.transcript import ChatTemplate
    from pipeline.recipe.training import Train
    from pipeline.training.arguments import shared_arguments
    from pipeline.training.dpo import MaskedDPOTrainer, MaskedPreferenceCollator
    from pipeline.training.prefix_sharing import packing_width

    settings = Train.model_validate(SETTINGS)
    shared = shared_arguments(settings, 0, False, scratch, workers=1) | {"save_strategy": "no"}
    nll = {"sft": settings.nll_weight} if kind == "trl" else {}  # ours is a term of the trainer
    config = DPOConfig(
        **shared,
        max_steps=UNTIMED + steps,
        loss_type=["sigmoid", *nll],
        loss_weights=[1.0, *nll.values()],
        max_length=None,
        precompute_ref_log_probs=True,
    )
    rows = list(islice(tables.rows(pairs), BATCH * config.max_steps))
    common = {"model": model, "args": config, "processing_class": tokenizer}
    if kind == "trl":
        keys = ("prompt", "chosen", "rejected")
        messages = [{key: row[key] for key in keys} for row in rows]
        return DPOTrainer(train_dataset=_stored(messages, scratch), **common)
    template = ChatTemplate(tokenizer)
    width = packing_width(model, kind == "shared", 2048)
    return MaskedDPOTrainer(
        train_dataset=_stored([encode_pair(row, template) for row in rows], scratch),
        data_collator=MaskedPreferenceCollator(tokenizer.pad_token_id, width=width),
        nll_weight=settings.nll_weight,
        **common,
    )


def _stored(rows: list[dict[str, Any]], scratch: str) -> Any:
    """The rows as a data set on disk; TRL caches the reference log-probabilities next to it."""
    from datasets import Dataset, load_from_disk

    Dataset.from_list(rows).save_to_disk(f"{scratch}/rows")
    return load_from_disk(f"{scratch}/rows")


def _clock(trainer: Any) -> list[float]:
    """End time of each step in seconds, appended while training runs."""
    from transformers import TrainerCallback

    ended: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):  # type: ignore[no-untyped-def]
            ended.append(time.perf_counter())

    trainer.add_callback(Clock())
    return ended


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))

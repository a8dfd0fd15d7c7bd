"""Hashes of the results of a run with fixed inputs; they may change only on purpose.

python -m tests.fingerprints              one JSON object
python -m tests.fingerprints --training   also the losses of 10 steps of SFT and DPO in float32
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

import toolsets
from pipeline import tables
from pipeline.agent.loss_masks import encode_pair
from pipeline.agent.transcript import ChatTemplate
from pipeline.evaluation.metrics import metrics
from pipeline.generation.tasks import next_tasks
from pipeline.pairs.stage import pairs
from pipeline.pocket.models import dialect, fingerprint, folder
from pipeline.problems.pocket.world import problems
from pipeline.problems.reference.chain import reference_chain
from pipeline.recipe.load import load
from pipeline.records import Chain, Problem, Verdict
from pipeline.run_dir import RunDir

PROBLEMS = 60
MASKED_PAIRS = 20
MIX = "pairs.strategies={outcome: 2, first_divergence: 1, reference: 1}"
SMALL = ("problems.counts.train=200", "pairs.per_problem=3", MIX)


def fingerprints() -> dict[str, str]:
    """One hash each for tasks, prompt, pairs, loss masks and metrics."""
    recipe = load("pocket", SMALL)
    training = list(problems(200, recipe.seed, "train"))
    samples = recipe.teacher.samples.model_copy(update={"min": 3, "max": 3})
    tasks = [
        (task.task_id, task.seed)
        for model in ("teacher", "student")
        for task in next_tasks(training, model, samples, recipe.seed, {})
    ]
    with tempfile.TemporaryDirectory() as place:
        run = RunDir(Path(place))
        rows = list(chain_rows())
        tables.write(run.chains / "chains.parquet", rows, tables.CHAINS)
        pairs(recipe, run, dialect(), toolsets.load(recipe.toolset))
        made = list(tables.rows(run.pairs))
        supervised = list(tables.rows(run.pairs / "supervised"))
    template = ChatTemplate(AutoTokenizer.from_pretrained(folder("student")))
    return {
        "tasks": digest(tasks),
        "prompt": fingerprint(),
        "pairs": digest([made, supervised]),
        "loss_masks": digest([encode_pair(pair, template) for pair in made[:MASKED_PAIRS]]),
        "metrics": digest(metrics(rows)),
    }


def chain_rows() -> Iterator[dict[str, Any]]:
    """Rows of chains of teacher and student that follow the reference solution of their problem
    (correct) or of another one (incorrect); some are shortened."""
    asked = list(problems(PROBLEMS, 0, "train"))
    others = list(problems(PROBLEMS, 5, "train"))
    for index, (problem, other) in enumerate(zip(asked, others, strict=True)):
        for model in ("teacher", "student"):
            for sample in range(3):
                correct = (index + sample + (model == "student")) % 3 > 0
                yield chain_row(problem, problem if correct else other, model, sample)


def chain_row(problem: Problem, source: Problem, model: str, sample: int) -> dict[str, Any]:
    """A chain for `problem` that follows the reference solution of `source`."""
    chain = reference_chain(source, dialect().toolset)
    assert chain
    name = f"{problem.problem_id}/{model}/{sample}"
    made: Chain = replace(
        chain, chain_id=name, problem_id=problem.problem_id, model=model, sample_index=sample
    )
    correct = source is problem
    if not correct and sample == 2:  # ends before its answer
        made = replace(made, steps=made.steps[:-1], answer=None, stop_reason="max_steps")
    failure = None if correct else "max_steps" if made.answer is None else "wrong_answer"
    verdict = Verdict(name, correct, problem.answer, made.answer, failure)
    return tables.chain_row(made, problem, verdict)


def training_losses() -> dict[str, list[float]]:
    """The losses of the first 10 optimizer steps of each training stage, in float32."""
    from tests.pipeline.training.small import Case, train_all, write_pairs

    with tempfile.TemporaryDirectory() as place:
        run_dir = Path(place) / "run"
        write_pairs(run_dir, 40)
        settings = (
            *("train.precision=fp32", "train.batch_size=4", "train.micro_batch_size=4"),
            *("train.sft.epochs=1", "train.epochs=1"),
        )
        case = Case(str(run_dir), settings)
        train_all([case], seconds=280)
        return {
            stage: [line["loss"] for line in case.curve(stage)][:10] for stage in ("sft", "dpo")
        }


def digest(data: Any) -> str:
    """16 hexadecimal digits of the SHA-256 of `data` as JSON."""
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def main() -> None:
    """Print the fingerprints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--training", action="store_true", help="train 10 steps of each stage too")
    asked = parser.parse_args()
    print(json.dumps(fingerprints() | (training_losses() if asked.training else {}), indent=2))


if __name__ == "__main__":
    main()

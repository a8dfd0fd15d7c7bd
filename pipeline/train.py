"""The stage `train`: pairs to student, by Ray Train with DeepSpeed; resumes where it was killed.

`train.stages` are trained one after the other, each from the model before it: `sft` (supervision on
right chains) and `dpo` (preferences). Each has a folder in `checkpoints/`; the last model is copied
to `student/`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cluster import storage
from cluster.errors import without_class
from pipeline import machines, tables
from pipeline.errors import StageFailed
from pipeline.progress import Progress
from pipeline.recipe import Recipe
from pipeline.train_loop import MODEL, TrainJob, steps_of, train_loop

POLL_SECONDS = 1.0


def stage_model(run_dir: Path, stage: str) -> Path:
    """Where the model of a finished training stage lies."""
    return run_dir / "checkpoints" / stage / MODEL


def train(
    recipe: Recipe, run_dir: Path, student: str, tools: tuple[dict[str, Any], ...] | None
) -> dict[str, Any]:
    """Train all stages that are not finished; returns facts for run.json.

    Raises StageFailed where training fails more often than `train.max_failures`.
    """
    run_dir = run_dir.resolve()  # workers have another working directory
    model, facts, fresh = student, {}, not (run_dir / "student").is_dir()
    for stage in recipe.train.stages:
        finished = stage_model(run_dir, stage)
        if not finished.is_dir():
            _train_stage(recipe, run_dir, stage, model, tools)
            fresh = True
        facts[stage] = _facts(finished.parent)
        model = str(finished)
    if fresh:
        _publish(Path(model), run_dir / "student")
    return facts


def _train_stage(
    recipe: Recipe,
    run_dir: Path,
    stage: str,
    model: str,
    tools: tuple[dict[str, Any], ...] | None,
) -> None:
    out = run_dir / "checkpoints" / stage
    rows = run_dir / "pairs" / ("supervised" if stage == "sft" else "")
    gpu = recipe.cluster.trains_on_gpus(machines.may_have_gpus(recipe.train.workers))
    job = TrainJob(
        stage=stage,  # type: ignore[arg-type]  # the recipe's literal
        model=model,
        rows=str(rows),
        out=str(out),
        tools=json.dumps(tools) if tools else None,
        seed=recipe.seed,
        settings=recipe.train.model_dump(),
        gpu=gpu,
    )
    count = sum(1 for _ in tables.rows(rows, ["problem_id"]))
    epochs = recipe.train.sft.epochs if stage == "sft" else recipe.train.epochs
    steps = steps_of(count, epochs, recipe.train.batch_size)
    bundle = {"CPU": recipe.cluster.train_cpus, "GPU": float(gpu)}
    with (
        machines.reachable(out) as mark,
        Progress(f"train ({stage})", steps, "steps") as progress,
        _following(out / "metrics.jsonl", progress) as began,
        machines.waiting(progress, 0, bundle, recipe.train.workers, began),
    ):
        _fit(recipe, job, bundle, mark)


def _fit(recipe: Recipe, job: TrainJob, bundle: dict[str, float], mark: str) -> None:
    os.environ.setdefault("RAY_TRAIN_ENABLE_PRINT_PATCH", "0")
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    trainer = TorchTrainer(
        _loop,
        train_loop_config={"job": job, "mark": mark},
        scaling_config=ScalingConfig(
            num_workers=recipe.train.workers,
            use_gpu=job.gpu,
            resources_per_worker={name: amount for name, amount in bundle.items() if amount},
        ),
        run_config=RunConfig(
            name="ray",
            storage_path=job.out,
            failure_config=FailureConfig(max_failures=recipe.train.max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )
    try:
        trainer.fit()
    except Exception as error:  # whatever a worker raised, wrapped by Ray Train
        raise StageFailed(f"training ({job.stage}) failed: {_cause(error)}") from error


def _loop(config: dict[str, Any]) -> None:
    storage.check(config["mark"])  # the node may have come after the driver looked
    train_loop(config["job"])


def _cause(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or "error" in line]
    return without_class((errors or lines or [type(error).__name__])[-1])


@contextlib.contextmanager
def _following(metrics: Path, progress: Progress) -> Iterator[Callable[[], bool]]:
    """Show the metrics that the first worker writes while training goes on; gives whether it
    began to, as a training that resumes has some from before."""
    stop, before = threading.Event(), _size(metrics)

    def began() -> bool:
        return _size(metrics) != before

    def follow() -> None:
        while not stop.wait(POLL_SECONDS):
            if began():
                _show(metrics, progress)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield began
    finally:
        stop.set()
        thread.join()
        _show(metrics, progress)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _show(metrics: Path, progress: Progress) -> None:
    lines = read_metrics(metrics)
    losses = [line for line in lines if "loss" in line]
    if losses:
        last = losses[-1]
        facts = f"loss {last['loss']:.4f}"
        if "rewards/accuracies" in last:
            recent = [line["rewards/accuracies"] for line in losses[-10:]]
            facts += f"  pairs ordered right {sum(recent) / len(recent):.2f}"
        progress.update(int(last["step"]), facts)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The metrics of a training stage, one dict per step; a half-written last line is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            lines.append(json.loads(text))
    return lines


def _facts(folder: Path) -> dict[str, Any]:
    """What a finished stage came to: rows, rows too long to train on, and its last metrics."""
    facts = json.loads((folder / "data.json").read_text())
    last = next((m for m in reversed(read_metrics(folder / "metrics.jsonl")) if "loss" in m), {})
    kept = ("step", "loss", "rewards/accuracies", "rewards/margins", "logps/chosen")
    return facts | {name: last[name] for name in kept if name in last}


def _publish(model: Path, student: Path) -> None:
    hidden = student.with_name(".student")
    shutil.rmtree(hidden, ignore_errors=True)
    shutil.copytree(model, hidden)
    shutil.rmtree(student, ignore_errors=True)
    hidden.rename(student)

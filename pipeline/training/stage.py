"""The stage `train`: pairs to student, by Ray Train with DeepSpeed; resumes after a kill.

`train.stages` run one after the other, each from the previous model: `sft` (supervised, on correct
chains) and `dpo` (on preference pairs). Each has a folder in `checkpoints/`; the last model is
copied to `student/`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cluster import storage
from cluster.errors import without_class
from pipeline import tables
from pipeline.errors import CannotStart, Diverged, StageFailed
from pipeline.generation import pool
from pipeline.progress import Progress
from pipeline.recipe.load import Recipe
from pipeline.recipe.training import Train
from pipeline.training.checkpoints import (
    BEST,
    METRICS,
    MODEL,
    RAY,
    divergence_message,
    refuse_another_model,
)
from pipeline.training.monitoring import read_metrics, steps, summary, warning
from pipeline.training.worker import TrainJob, steps_of, train_loop

POLL_SECONDS = 1.0


def stage_model(run_dir: Path, stage: str) -> Path:
    """The folder of the model of a finished training stage."""
    return run_dir / "checkpoints" / stage / MODEL


def check_packages(settings: Train) -> None:
    """Raise CannotStart if a package of `train.report_to` is not installed."""
    for name in settings.report_to:
        packages = ("tensorboardX", "tensorboard") if name == "tensorboard" else (name,)
        if not any(map(importlib.util.find_spec, packages)):
            raise CannotStart(
                f"train.report_to needs {name}, but package {packages[-1]} is not installed here; "
                "install it or remove it from the recipe"
            )


def train(
    recipe: Recipe, run_dir: Path, student: str, tools: tuple[dict[str, Any], ...] | None
) -> dict[str, Any]:
    """Train all stages that are not finished; returns facts for run.json.

    Raises StageFailed if training fails more than `train.max_failures` times or has no rows,
    Diverged at a non-finite loss, CannotStart if it cannot resume from its checkpoint.
    """
    run_dir = run_dir.resolve()  # workers have another working directory
    model, facts, outdated = student, {}, not (run_dir / "student").is_dir()
    for stage in recipe.train.stages:
        finished = stage_model(run_dir, stage)
        if not finished.is_dir():
            _check_resumable(finished.parent, model)
            _train_stage(recipe, run_dir, stage, model, tools)
            outdated = True
        facts[stage] = _facts(finished.parent, recipe.train.beta)
        model = str(finished)
    if outdated:
        publish(Path(model), run_dir / "student")
    return facts


def publish(model: Path, student: Path) -> None:
    """Replace the folder `student` by a copy of `model`."""
    hidden = student.with_name(".student")
    shutil.rmtree(hidden, ignore_errors=True)
    shutil.copytree(model, hidden)
    shutil.rmtree(student, ignore_errors=True)
    hidden.rename(student)


def _check_resumable(out: Path, model: str) -> None:
    if message := divergence_message(out):
        raise CannotStart(message)
    refuse_another_model(out, model)


def _train_stage(
    recipe: Recipe,
    run_dir: Path,
    stage: str,
    model: str,
    tools: tuple[dict[str, Any], ...] | None,
) -> None:
    out = run_dir / "checkpoints" / stage
    rows = run_dir / "pairs" / ("supervised" if stage == "sft" else "")
    gpu = recipe.cluster.trains_on_gpus(pool.may_have_gpus(recipe.train.workers))
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
    planned = steps_of(count, epochs, recipe.train.batch_size)
    bundle = {"CPU": recipe.cluster.train_cpus, "GPU": float(gpu)}
    with (
        pool.reachable(out) as mark,
        Progress(f"train ({stage})", planned, "steps") as progress,
        _live_metrics(out, recipe.train.beta, progress) as started,
        pool.waiting(progress, 0, bundle, min(_workers(recipe.train)), started),
    ):
        _fit(recipe, job, bundle, mark)
    if message := divergence_message(out):
        raise Diverged(message)
    if not (out / MODEL).is_dir():
        raise StageFailed(_no_rows_message(out, recipe.train))


def _fit(recipe: Recipe, job: TrainJob, bundle: dict[str, float], mark: str) -> None:
    os.environ.setdefault("RAY_TRAIN_ENABLE_PRINT_PATCH", "0")
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    workers = _workers(recipe.train)
    trainer = TorchTrainer(
        _loop,
        train_loop_config={"job": job, "mark": mark},
        scaling_config=ScalingConfig(
            num_workers=workers[0] if len(set(workers)) == 1 else workers,
            use_gpu=job.gpu,
            resources_per_worker={name: amount for name, amount in bundle.items() if amount},
        ),
        run_config=RunConfig(
            name=RAY,
            storage_path=job.out,
            failure_config=FailureConfig(max_failures=recipe.train.max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )
    try:
        trainer.fit()
    except Exception as error:  # any error of a worker, wrapped by Ray Train
        raise StageFailed(f"training ({job.stage}) failed: {_error_line(error)}") from error


def _workers(settings: Train) -> tuple[int, int]:
    """Minimum and maximum number of workers."""
    return settings.workers_min or settings.workers, settings.workers


def _loop(config: dict[str, Any]) -> None:
    storage.check(config["mark"])  # the node may have joined after the driver's check
    train_loop(config["job"])


def _error_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or "error" in line]
    return without_class((errors or lines or [type(error).__name__])[-1])


def _no_rows_message(out: Path, settings: Train) -> str:
    facts = json.loads((out / "data.json").read_text())
    return (
        f"training ({out.name}) has no rows: {facts['too_long']:,} are longer than "
        f"train.max_tokens ({settings.max_tokens:,}), {facts['heldout']:,} are held out; raise "
        "train.max_tokens, or set train.too_long=cut_prompt"
    )


@contextlib.contextmanager
def _live_metrics(out: Path, beta: float, progress: Progress) -> Iterator[Callable[[], bool]]:
    """Show the metrics file in `progress` during training; yields a function that returns whether
    this training has written to it, as a resumed one has metrics of earlier attempts."""
    stop, metrics = threading.Event(), out / METRICS
    before, warned = _size(metrics), False

    def started() -> bool:
        return _size(metrics) != before

    def show() -> None:
        nonlocal warned
        lines = read_metrics(metrics)
        if taken := steps(lines):
            progress.expect(int(taken[-1]["steps"]))
            progress.update(int(taken[-1]["step"]), summary(lines))
        if not warned and (text := warning(lines, beta)):
            progress.say(f"warning: {text}")
            warned = True

    def follow() -> None:
        while not stop.wait(POLL_SECONDS):
            if started():
                show()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield started
    finally:
        stop.set()
        thread.join()
        show()


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _facts(folder: Path, beta: float) -> dict[str, Any]:
    """Facts of a finished stage: counts of rows, last metrics, best checkpoint, and warning."""
    facts = json.loads((folder / "data.json").read_text())
    lines = read_metrics(folder / METRICS)
    last = next(iter(steps(lines)[::-1]), {})
    names = ("step", "loss", "rewards/accuracies", "rewards/margins", "logps/chosen")
    facts |= {name: last[name] for name in names if name in last}
    if (folder / BEST).is_dir():
        facts["best"] = json.loads((folder / BEST / "best.json").read_text())
    if text := warning(lines, beta):
        facts["warning"] = text
    return facts

"""Trainer callback: reports metrics, checkpoints and divergence to the driver and Ray Train.

The driver reads files in the stage's folder, so it can run on any node.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from pipeline.training.checkpoints import BEST, DIVERGED, METRICS, Score, keep_if_best
from pipeline.training.monitoring import not_finite, numbers

ACCURACY = "eval_rewards/accuracies"


class Reporter(TrainerCallback):
    """Appends metrics to a file, reports checkpoints to Ray Train, and stops training at a
    non-finite loss before another checkpoint is saved."""

    def __init__(self, out: Path, batch_size: int, evaluates: bool, keep_best: bool) -> None:
        self._out, self._batch_size = out, batch_size
        self._evaluates, self._keep_best = evaluates, keep_best
        self._latest: dict[str, Any] = {}
        self._tokens, self._step_start = 0.0, time.monotonic()
        self.diverged = False

    def on_train_begin(self, args, state, control, **kwargs):  # type: ignore[no-untyped-def]
        self._step_start = time.monotonic()

    def on_step_end(self, args, state, control, **kwargs):  # type: ignore[no-untyped-def]
        control.should_evaluate = control.should_save and self._evaluates

    def on_log(self, args, state, control, logs=None, **kwargs):  # type: ignore[no-untyped-def]
        logs = {} if logs is None else logs
        if "loss" in logs:
            logs.update(self._speeds(logs))  # in place: later callbacks plot them too
            self._latest = {}
        values = numbers(logs)
        self._latest |= values
        if state.is_world_process_zero:
            line = {"step": state.global_step, "steps": state.max_steps, "time": time.time()}
            _append(self._out / METRICS, line | values)
        if what := not_finite(values):
            self._stop(what, state, control)
        self._step_start = time.monotonic()

    def on_save(self, args, state, control, **kwargs):  # type: ignore[no-untyped-def]
        import ray.train
        from ray.train import Checkpoint

        folder = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        if self._keep_best and state.is_world_process_zero:
            accuracy, loss = self._latest[ACCURACY], self._latest["eval_loss"]
            keep_if_best(folder, self._out / BEST, Score(state.global_step, accuracy, loss))
        checkpoint = Checkpoint.from_directory(str(folder)) if folder.is_dir() else None
        ray.train.report(self._latest | {"step": state.global_step}, checkpoint=checkpoint)
        self._step_start = time.monotonic()

    def _speeds(self, logs: dict[str, Any]) -> dict[str, float]:
        """Throughput of the last step, without the time for checkpoints and evaluation."""
        seconds = max(time.monotonic() - self._step_start, 1e-9)
        tokens = logs.get("num_tokens", self._tokens)
        step_tokens, self._tokens = tokens - self._tokens, tokens
        return {
            "pairs_per_second": round(self._batch_size / seconds, 3),
            "tokens_per_second": round(step_tokens / seconds, 1),
        }

    def _stop(self, what: str, state: Any, control: Any) -> None:
        """Stop training; all workers do so at the same step, as the logged loss is gathered."""
        self.diverged = True
        control.should_training_stop = True
        control.should_save = control.should_evaluate = False
        if state.is_world_process_zero:
            (self._out / DIVERGED).write_text(json.dumps({"step": state.global_step, "what": what}))


def _append(file: Path, line: dict[str, Any]) -> None:
    with file.open("a") as lines:
        lines.write(json.dumps(line) + "\n")

"""The reporter with the trainer's own state and control; checkpoints need Ray Train
(`test_stage`)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from pipeline.training.callback import Reporter
from pipeline.training.checkpoints import DIVERGED, METRICS
from pipeline.training.monitoring import read_metrics

BATCH = 16


class Training:
    """A trainer's calls of the reporter, in the order in which it makes them."""

    def __init__(self, out: Path, evaluates: bool = False, rank: int = 0) -> None:
        self.reporter = Reporter(out, BATCH, evaluates, keep_best=False)
        self.arguments = TrainingArguments(output_dir=str(out), use_cpu=True)
        self.control = TrainerControl()
        self.state = TrainerState(max_steps=9, is_world_process_zero=rank == 0)
        self.reporter.on_train_begin(self.arguments, self.state, self.control)

    def step(self, saves: bool = False) -> None:
        self.state.global_step += 1
        self.control.should_save = saves
        self.reporter.on_step_end(self.arguments, self.state, self.control)

    def log(self, **logs: Any) -> dict[str, Any]:
        self.reporter.on_log(self.arguments, self.state, self.control, logs)
        return logs


def test_each_log_is_a_line_with_its_step(tmp_path: Path) -> None:
    training = Training(tmp_path)
    training.step()
    before = time.time()
    training.log(loss=0.5, grad_norm=2.0)
    training.step()
    training.log(eval_loss=0.25)
    first, second = read_metrics(tmp_path / METRICS)
    assert (first["step"], first["steps"], first["loss"], first["grad_norm"]) == (1, 9, 0.5, 2.0)
    assert before <= first["time"] <= time.time()
    assert (second["step"], second["eval_loss"]) == (2, 0.25)
    assert "pairs_per_second" in first
    assert "pairs_per_second" not in second  # an evaluation is no step


def test_speeds_are_those_of_the_last_step(tmp_path: Path) -> None:
    training = Training(tmp_path)
    rates = []
    for tokens in (1600, 4800):  # so far; 1,600 and 3,200 in the steps
        training.step()
        time.sleep(0.1)
        logs = training.log(loss=0.5, num_tokens=tokens)
        assert 0 < logs["pairs_per_second"] <= BATCH / 0.1
        rates.append(logs["tokens_per_second"] / logs["pairs_per_second"])
    assert rates == pytest.approx([1600 / BATCH, 3200 / BATCH], rel=0.01)


def test_time_between_the_logs_of_a_step_does_not_slow_the_next(tmp_path: Path) -> None:
    training = Training(tmp_path)
    time.sleep(0.5)  # an evaluation
    training.log(eval_loss=0.25)
    training.step()
    assert training.log(loss=0.5)["pairs_per_second"] > BATCH / 0.5


def test_logs_without_tokens_have_a_speed_of_no_tokens(tmp_path: Path) -> None:
    training = Training(tmp_path)
    training.step()
    assert training.log(loss=0.5)["tokens_per_second"] == 0


@pytest.mark.parametrize(
    ("logs", "what"),
    [
        ({"loss": float("nan")}, "the loss"),
        ({"loss": 0.5, "grad_norm": float("inf")}, "the gradient"),
    ],
)
def test_a_number_that_is_not_finite_stops_training_before_another_checkpoint(
    tmp_path: Path, logs: dict[str, float], what: str
) -> None:
    training = Training(tmp_path, evaluates=True)
    training.step(saves=True)
    training.log(**logs)
    control = training.control
    assert training.reporter.diverged
    assert control.should_training_stop
    assert not control.should_save and not control.should_evaluate
    assert json.loads((tmp_path / DIVERGED).read_text()) == {"step": 1, "what": what}


def test_a_finite_loss_stops_nothing(tmp_path: Path) -> None:
    training = Training(tmp_path)
    training.step(saves=True)
    training.log(loss=0.5)
    assert not training.reporter.diverged
    assert training.control.should_save and not training.control.should_training_stop
    assert not (tmp_path / DIVERGED).exists()


def test_other_ranks_stop_too_and_write_nothing(tmp_path: Path) -> None:
    training = Training(tmp_path, rank=1)
    training.step()
    training.log(loss=float("nan"))
    assert training.reporter.diverged and training.control.should_training_stop
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("evaluates", "saves", "evaluated"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_held_out_pairs_are_evaluated_at_each_checkpoint(
    tmp_path: Path, evaluates: bool, saves: bool, evaluated: bool
) -> None:
    training = Training(tmp_path, evaluates)
    training.step(saves)
    assert training.control.should_evaluate is evaluated

"""Training through Ray Train, DeepSpeed and TRL: its files, facts and errors."""

from __future__ import annotations

import importlib.util
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine import model_paths
from pipeline.errors import CannotStart
from pipeline.recipe.training import Train
from pipeline.training.checkpoints import checkpoints
from pipeline.training.monitoring import read_metrics, steps
from pipeline.training.stage import check_packages
from tests.pipeline.training.small import Case, train_all, write_pairs

pytestmark = [pytest.mark.ray, pytest.mark.train, pytest.mark.timeout(300)]

BEST = (
    "train.stages=[dpo]",
    "train.epochs=3",
    "train.learning_rate=3e-3",
    "train.batch_size=8",
    "train.micro_batch_size=4",
    "train.checkpoint_steps=2",
    "train.heldout_pairs=0.3",
    "train.keep_best=true",
    "train.lora={r: 8, keep_adapter: true}",
    "train.gradient_checkpointing=true",
)
DIVERGING = (
    "train.stages=[dpo]",
    "train.epochs=2",
    "train.learning_rate=1e30",
    "train.batch_size=8",
    "train.micro_batch_size=4",
    "train.checkpoint_steps=1",
)
TOO_LONG = ("train.stages=[sft]", "train.max_tokens=16")


def case(folder: Path, overrides: tuple[str, ...]) -> Case:
    write_pairs(folder, 32)
    return Case(str(folder), (*overrides, "cluster.train_cpus=1"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def lock(folder: Path) -> Path:
    """The lock that a killed build of DeepSpeed's operator leaves; torch would wait for it."""
    path = folder / "extensions" / "deepspeed_shm_comm" / "lock"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.fixture(scope="module")
def outcomes(folder: Path, lock: Path) -> list[dict[str, Any]]:
    """The outcomes of four trainings; the second and third are the same command."""
    best, diverging = case(folder / "best", BEST), case(folder / "nan", DIVERGING)
    cases = [best, diverging, diverging, case(folder / "long", TOO_LONG)]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TORCH_EXTENSIONS_DIR", str(lock.parents[1]))
        return train_all(cases, 290)


def test_training_neither_compiles_nor_waits_for_a_lock(
    lock: Path, outcomes: list[dict[str, Any]]
) -> None:
    assert "facts" in outcomes[0]
    assert [path for path in lock.parents[1].rglob("*") if path.is_file()] == [lock]


def test_the_best_checkpoint_by_held_out_pairs_is_the_student(
    folder: Path, outcomes: list[dict[str, Any]]
) -> None:
    stage, facts = folder / "best" / "checkpoints" / "dpo", outcomes[0]["facts"]["dpo"]
    assert 0 < facts["heldout"] < 32 and facts["rows"] + facts["heldout"] == 32
    lines, name = read_metrics(stage / "metrics.jsonl"), "eval_rewards/accuracies"
    measured = {line["step"]: (line[name], -line["eval_loss"]) for line in lines if name in line}
    last = lines[0]["steps"]
    assert list(measured) == sorted({*range(2, last, 2), last})
    best = max(measured.values())
    step = next(step for step, score in measured.items() if score == best)
    assert facts["best"] == {"step": step, "accuracy": best[0], "loss": -best[1]}


def test_the_student_is_its_base_with_the_saved_adapter(
    folder: Path, outcomes: list[dict[str, Any]]
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    assert "facts" in outcomes[0]
    student = folder / "best" / "student"
    merged = AutoModelForCausalLM.from_pretrained(student).float()
    base = AutoModelForCausalLM.from_pretrained(model_paths.resolve("pocket", "student")).float()
    tokens = torch.arange(8, 40)[None]
    plain = base(tokens).logits
    adapted = PeftModel.from_pretrained(base, str(student / "adapter"))(tokens).logits
    assert torch.allclose(
        merged(tokens).logits, adapted, atol=0.1
    )  # merged in the base's precision
    assert not torch.allclose(plain, adapted, atol=0.5)


def test_metrics_and_tensorboard_have_the_same_curves(
    folder: Path, outcomes: list[dict[str, Any]]
) -> None:
    assert "facts" in outcomes[0]
    stage = folder / "best" / "checkpoints" / "dpo"
    curve, plotted = steps(read_metrics(stage / "metrics.jsonl")), scalars(stage / "tensorboard")
    for name in (
        "loss",
        "learning_rate",
        "rewards/margins",
        "rewards/accuracies",
        "logps/chosen",
        "logps/rejected",
        "pairs_per_second",
        "tokens_per_second",
    ):
        values = [line[name] for line in curve]
        assert all(math.isfinite(value) for value in values)
        assert plotted[f"train/{name}"] == pytest.approx(values, rel=1e-5)
    assert all(line["tokens_per_second"] > line["pairs_per_second"] > 0 for line in curve)
    assert "eval/rewards/accuracies" in plotted


def test_a_non_finite_loss_stops_training_and_names_the_last_good_checkpoint(
    folder: Path, outcomes: list[dict[str, Any]]
) -> None:
    out, outcome = folder / "nan" / "checkpoints" / "dpo", outcomes[1]
    assert outcome["kind"] == "Diverged"
    step = json.loads((out / "diverged.json").read_text())["step"]
    assert f"training (dpo) stopped at step {step}, where " in outcome["error"]
    good = checkpoints(out)[step - 2]
    assert f"its last good checkpoint is {good};" in outcome["error"]
    assert (good / "model.safetensors").is_file()
    assert max(checkpoints(out)) < step  # non-finite weights are not saved
    assert [line["step"] for line in read_metrics(out / "metrics.jsonl") if "loss" in line] == list(
        range(1, step + 1)
    )  # and Ray Train does not retry
    assert not (folder / "nan" / "student").exists()


def test_the_same_command_does_not_diverge_again(outcomes: list[dict[str, Any]]) -> None:
    again = outcomes[2]
    assert again == outcomes[1] | {"kind": "CannotStart"}


def test_if_all_rows_are_too_long_the_error_counts_them(
    outcomes: list[dict[str, Any]],
) -> None:
    assert outcomes[3]["kind"] == "StageFailed"
    assert outcomes[3]["error"] == (
        "training (sft) has no rows: 32 are longer than train.max_tokens (16), 0 are held out; "
        "raise train.max_tokens, or set train.too_long=cut_prompt"
    )


def test_a_missing_package_of_report_to_is_an_error() -> None:
    check_packages(Train())
    absent = [name for name in ("mlflow", "wandb") if importlib.util.find_spec(name) is None]
    for name in absent:
        with pytest.raises(CannotStart, match=f"train.report_to needs {name}, but package {name} "):
            check_packages(Train(report_to=[name]))  # type: ignore[list-item]  # one of the literal
    assert absent  # the locked environments have neither


def scalars(folder: Path) -> dict[str, list[float]]:
    """Read the curves of TensorBoard event files: records of length, checksum, event, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    curves: dict[str, list[float]] = {}
    for file in sorted(folder.glob("events.out.*")):
        data, at = file.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += length + 16
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    curves.setdefault(value.tag, []).append(value.simple_value)
    return curves

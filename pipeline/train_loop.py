"""What one Ray Train worker does: TRL's trainer under DeepSpeed, resumable, one stage.

Each worker saves into a folder of its own and reports it, so a checkpoint in storage is put
together from what each rank wrote and nothing is copied twice. The model is built after Ray has set
up the process group, and DeepSpeed gets explicit sizes.

Not here: starting the workers (`pipeline.train`), the losses (`pipeline.dpo`).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.sections import Train

MODEL = "model"  # folder of the finished model, inside a stage's folder


@dataclass(frozen=True, slots=True)
class TrainJob:
    """One training stage; plain data, so it travels to any node."""

    stage: Literal["sft", "dpo"]
    model: str  # folder or hub name of the model to start from
    rows: str  # folder of PAIRS or SUPERVISED
    out: str  # folder of the stage: metrics.jsonl, and the finished model
    tools: str | None  # JSON of the chat template's tools
    seed: int
    settings: dict[str, Any]  # recipe section `train`
    gpu: bool


def train_loop(job: TrainJob) -> None:
    """Train one stage, from its last checkpoint if there is one, and save the finished model."""
    _prepare_process(job)
    import ray.train
    from transformers import AutoTokenizer

    settings = Train.model_validate(job.settings)
    tokenizer = AutoTokenizer.from_pretrained(job.model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    with tempfile.TemporaryDirectory(prefix="apprentice-train-") as scratch:
        trainer = _trainer(job, settings, tokenizer, scratch)
        checkpoint = ray.train.get_checkpoint()
        if checkpoint is None:
            trainer.train()
        else:
            with checkpoint.as_directory() as folder:
                trainer.train(resume_from_checkpoint=folder)
        _export(trainer, job, settings, tokenizer, Path(scratch) / "export")


def steps_of(rows: int, epochs: float, batch_size: int) -> int:
    """How many optimizer steps a stage takes."""
    return max(1, round(-(-rows // batch_size) * epochs))


def _prepare_process(job: TrainJob) -> None:
    os.environ.setdefault("TQDM_DISABLE", "1")
    if not job.gpu:
        os.environ["DS_ACCELERATOR"] = "cpu"


def _trainer(job: TrainJob, settings: Train, tokenizer: Any, scratch: str) -> Any:
    from pipeline.transcript import ChatTemplate

    template = ChatTemplate(tokenizer, json.loads(job.tools) if job.tools else None)
    arguments = _arguments(job, settings, scratch)
    build = _supervised if job.stage == "sft" else _preference
    trainer = build(job, settings, tokenizer, template, arguments)
    trainer.add_callback(_reporter(Path(job.out)))
    return trainer


def _supervised(
    job: TrainJob, settings: Train, tokenizer: Any, template: Any, arguments: dict[str, Any]
) -> Any:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from pipeline.masks import encode_supervised

    rows = _encoded(job, lambda row: encode_supervised(row, template), settings.max_tokens)
    return SFTTrainer(
        model=_model(job),
        args=SFTConfig(
            **arguments,
            learning_rate=settings.sft.learning_rate,
            num_train_epochs=settings.sft.epochs,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=_lora(settings),
    )


def _preference(
    job: TrainJob, settings: Train, tokenizer: Any, template: Any, arguments: dict[str, Any]
) -> Any:
    from trl.trainer.dpo_config import DPOConfig

    from pipeline.dpo import MaskedDPOTrainer, MaskedPreferenceCollator
    from pipeline.masks import encode_pair

    positive = settings.loss == "dpop"
    losses = {} if positive else {settings.loss: 1.0}
    losses |= {"sft": settings.nll_weight}
    rows = _encoded(job, lambda row: encode_pair(row, template), settings.max_tokens)
    return MaskedDPOTrainer(
        model=_model(job),
        args=DPOConfig(
            **arguments,
            learning_rate=settings.learning_rate,
            num_train_epochs=settings.epochs,
            beta=settings.beta,
            loss_type=list(losses),
            loss_weights=list(losses.values()),
            max_length=None,
            precompute_ref_log_probs=True,
        ),
        data_collator=MaskedPreferenceCollator(pad_token_id=tokenizer.pad_token_id),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=_lora(settings),
        dpop_lambda=settings.dpop_lambda if positive else None,
    )


def _encoded(job: TrainJob, encode: Any, longest: int) -> Any:
    """The rows as tokens, but those of more than `longest`; the first worker writes, all read.

    On disk, because TRL keeps the reference's log-probabilities beside the data set, where every
    worker must find them.
    """
    import torch.distributed
    from datasets import Dataset, load_from_disk

    from pipeline import tables

    folder = Path(job.out) / "tokens"
    first = not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0
    if first:
        encoded = [encode(row) for row in tables.rows(Path(job.rows))]
        fitting = [row for row in encoded if tokens_of(row) <= longest]
        shutil.rmtree(folder, ignore_errors=True)
        Dataset.from_list(fitting).save_to_disk(folder)
        facts = {"rows": len(fitting), "too_long": len(encoded) - len(fitting)}
        (Path(job.out) / "data.json").write_text(json.dumps(facts))
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
    return load_from_disk(str(folder))


def tokens_of(row: Mapping[str, Sequence[int]]) -> int:
    """How many tokens an encoded row has, in its longer side where it is a pair."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


def _model(job: TrainJob) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(job.model, dtype=torch.float32)


def _lora(settings: Train) -> Any:
    if settings.lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=settings.lora.r,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules=settings.lora.target_modules,
        task_type="CAUSAL_LM",
    )


def _arguments(job: TrainJob, settings: Train, scratch: str) -> dict[str, Any]:
    """Arguments that both trainers share."""
    micro = settings.micro_batch_size
    accumulate = settings.batch_size // (micro * settings.workers)
    bf16 = settings.precision == "bf16" or (settings.precision == "auto" and job.gpu)
    return {
        "output_dir": scratch,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": accumulate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": settings.checkpoint_steps,
        "save_total_limit": 1,
        "report_to": [],
        "disable_tqdm": True,
        "seed": job.seed % 2**31,
        "data_seed": job.seed % 2**31,
        "bf16": bf16,
        "use_cpu": not job.gpu,
        "gradient_checkpointing": job.gpu,
        "deepspeed": _deepspeed(settings, micro, accumulate, bf16),
    }


def _deepspeed(settings: Train, micro: int, accumulate: int, bf16: bool) -> dict[str, Any]:
    return {
        "zero_optimization": {
            "stage": settings.zero_stage,
            "stage3_gather_16bit_weights_on_model_save": True,
        },
        "zero_allow_untested_optimizer": True,
        "train_micro_batch_size_per_gpu": micro,
        "gradient_accumulation_steps": accumulate,
        "train_batch_size": settings.batch_size,
        "gradient_clipping": 1.0,
        "bf16": {"enabled": bf16},
        "steps_per_print": 10**9,
    }


def _reporter(out: Path) -> Any:
    """A callback that appends metrics to a file and reports checkpoints to Ray Train."""
    import ray.train
    from ray.train import Checkpoint
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        def __init__(self) -> None:
            self._latest: dict[str, Any] = {}

        def on_log(self, args, state, control, logs=None, **kwargs):  # type: ignore[no-untyped-def]
            self._latest = {k: v for k, v in (logs or {}).items() if isinstance(v, int | float)}
            if state.is_world_process_zero:
                line = {"step": state.global_step, "steps": state.max_steps, "time": time.time()}
                with (out / "metrics.jsonl").open("a") as file:
                    file.write(json.dumps(line | self._latest) + "\n")

        def on_save(self, args, state, control, **kwargs):  # type: ignore[no-untyped-def]
            folder = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
            checkpoint = Checkpoint.from_directory(str(folder)) if folder.is_dir() else None
            ray.train.report(self._latest | {"step": state.global_step}, checkpoint=checkpoint)

    return Reporter()


def _export(trainer: Any, job: TrainJob, settings: Train, tokenizer: Any, folder: Path) -> None:
    """Write the finished model as a plain Hugging Face folder, in the dtype that it came in."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    trainer.save_model(str(folder))  # on every rank: ZeRO-3 gathers
    if not trainer.is_world_process_zero():
        return
    dtype = AutoConfig.from_pretrained(job.model).dtype or torch.float32
    if settings.lora is None:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    else:
        from peft import PeftModel

        base = AutoModelForCausalLM.from_pretrained(job.model, dtype=torch.float32)
        model = PeftModel.from_pretrained(base, str(folder)).merge_and_unload().to(dtype)
    hidden, final = Path(job.out) / ".model", Path(job.out) / MODEL
    shutil.rmtree(hidden, ignore_errors=True)
    model.save_pretrained(hidden)
    tokenizer.save_pretrained(hidden)
    shutil.rmtree(final, ignore_errors=True)
    hidden.rename(final)

"""The training loop of one Ray Train worker: TRL's trainer under DeepSpeed, one stage, resumable.

Each worker saves to its own folder and reports it, so a checkpoint in storage combines the files of
all ranks and nothing is copied twice. The model is loaded after Ray has set up the process group,
and DeepSpeed gets explicit sizes.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pipeline import tables
from pipeline.agent.transcript import ChatTemplate
from pipeline.recipe.training import Train
from pipeline.training.arguments import evaluation_batch_size, lora, shared_arguments
from pipeline.training.dataset import load_stored, prepare, store
from pipeline.training.export import best_or_last, export
from pipeline.training.local_scratch import scratch


@dataclass(frozen=True, slots=True)
class TrainJob:
    """One training stage; plain data, so it can be sent to any node."""

    stage: Literal["sft", "dpo"]
    model: str  # folder or hub name of the model to start from
    rows: str  # folder of PAIRS or SUPERVISED
    out: str  # folder of the stage: metrics.jsonl, and the finished model
    tools: str | None  # JSON of the chat template's tools
    seed: int
    settings: dict[str, Any]  # recipe section `train`
    gpu: bool


def train_loop(job: TrainJob) -> None:
    """Train one stage, from its last checkpoint if it has one, and save the finished model."""
    _prepare_process(job)
    import ray.train
    from transformers import AutoTokenizer

    settings, out = Train.model_validate(job.settings), Path(job.out)
    tokenizer = AutoTokenizer.from_pretrained(job.model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    with scratch(Path(tempfile.gettempdir())) as folder:
        template = ChatTemplate(tokenizer, json.loads(job.tools) if job.tools else None)
        if not _prepare_rows(job, settings, template):
            return  # the driver raises
        build = _sft_trainer if job.stage == "sft" else _dpo_trainer
        workers = ray.train.get_context().get_world_size()
        shared = shared_arguments(settings, job.seed, job.gpu, str(folder), workers)
        trainer = build(job, settings, tokenizer, shared)
        reporter = _add_callbacks(trainer, job, settings)
        checkpoint = ray.train.get_checkpoint()
        if checkpoint is None:
            trainer.train()
        else:
            with checkpoint.as_directory() as last:
                trainer.train(resume_from_checkpoint=last)
        if not reporter.diverged:
            weights = best_or_last(trainer, out, folder / "export")
            if trainer.is_world_process_zero():
                export(weights, job.model, tokenizer, settings.lora, out)


def steps_of(rows: int, epochs: float, batch_size: int) -> int:
    """The number of optimizer steps of a stage."""
    return max(1, round(-(-rows // batch_size) * epochs))


def _prepare_process(job: TrainJob) -> None:
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(Path(job.out) / "tensorboard")
    if not job.gpu:
        os.environ["DS_ACCELERATOR"] = "cpu"
    _disable_compilation()


def _disable_compilation() -> None:
    """Prevent DeepSpeed from compiling an operator that only its inference uses.

    Compilation takes half a minute at the first training on a machine. A worker killed during it
    leaves a lock; torch (`FileBaton.wait`) then waits forever in every training on that machine.
    """
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


def _prepare_rows(job: TrainJob, settings: Train, template: ChatTemplate) -> int:
    """Write the stage's tokenized rows, once for all workers; returns their number."""
    import torch.distributed

    from pipeline.agent.loss_masks import encode_pair, encode_supervised

    masks_failed = settings.sft.failed_steps == "mask"
    supervised = partial(encode_supervised, masks_failed=masks_failed)
    encode, out = (supervised if job.stage == "sft" else encode_pair), Path(job.out)
    distributed = torch.distributed.is_initialized()
    if not distributed or torch.distributed.get_rank() == 0:
        folder = Path(job.rows)
        groups = tables.read_groups(folder.parent if job.stage == "sft" else folder)
        prepared = prepare(
            tables.rows(folder),
            lambda row: encode(row, template),
            template,
            settings,
            job.seed,
            groups,
        )
        store(prepared, out, settings.batch_size)
    if distributed:
        torch.distributed.barrier()
    return json.loads((out / "data.json").read_text())["rows"]


def _add_callbacks(trainer: Any, job: TrainJob, settings: Train) -> Any:
    """Add the callbacks; the reporter first, as it adds numbers that the others plot."""
    from transformers.integrations.integration_utils import get_reporting_integration_callbacks

    from pipeline.training.callback import Reporter

    evaluates = trainer.eval_dataset is not None
    reporter = Reporter(
        Path(job.out), settings.batch_size, evaluates, evaluates and settings.keep_best
    )
    trainer.add_callback(reporter)
    for callback in get_reporting_integration_callbacks(settings.report_to):
        trainer.add_callback(callback)
    return reporter


def _sft_trainer(job: TrainJob, settings: Train, tokenizer: Any, arguments: dict[str, Any]) -> Any:
    from trl.trainer.sft_config import SFTConfig

    from pipeline.training.prefix_sharing import packing_width
    from pipeline.training.sft import PackingCollator, SharingSFTTrainer

    rows, _ = load_stored(Path(job.out))
    model = _model(job)
    width = packing_width(model, settings.prefix_sharing, settings.max_tokens)
    return SharingSFTTrainer(
        model=model,
        args=SFTConfig(
            **arguments,
            learning_rate=settings.sft.learning_rate,
            num_train_epochs=settings.sft.epochs,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        data_collator=PackingCollator(tokenizer.pad_token_id, width=width),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=lora(settings),
    )


def _dpo_trainer(job: TrainJob, settings: Train, tokenizer: Any, arguments: dict[str, Any]) -> Any:
    from trl.trainer.dpo_config import DPOConfig

    from pipeline.training.dpo import MaskedDPOTrainer, MaskedPreferenceCollator
    from pipeline.training.prefix_sharing import packing_width

    is_dpop = settings.loss == "dpop"
    rows, heldout = load_stored(Path(job.out))
    if heldout is not None:
        micro = settings.micro_batch_size
        workers = settings.batch_size // (micro * arguments["gradient_accumulation_steps"])
        size = evaluation_batch_size(len(heldout), micro, workers)
        arguments = arguments | {"per_device_eval_batch_size": size}
    model = _model(job)
    width = packing_width(model, settings.prefix_sharing, settings.max_tokens)
    return MaskedDPOTrainer(
        model=model,
        args=DPOConfig(
            **arguments,
            learning_rate=settings.learning_rate,
            num_train_epochs=settings.epochs,
            beta=settings.beta,
            loss_type=["sigmoid" if is_dpop else settings.loss],
            loss_weights=[0.0 if is_dpop else 1.0],  # DPO-positive replaces TRL's loss
            max_length=None,
            precompute_ref_log_probs=True,
        ),
        data_collator=MaskedPreferenceCollator(tokenizer.pad_token_id, width=width),
        train_dataset=rows,
        eval_dataset=heldout,
        processing_class=tokenizer,
        peft_config=lora(settings),
        nll_weight=settings.nll_weight,
        dpop_lambda=settings.dpop_lambda if is_dpop else None,
    )


def _model(job: TrainJob) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(job.model, dtype=torch.float32)

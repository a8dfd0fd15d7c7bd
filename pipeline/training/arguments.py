"""The recipe's section `train` as arguments of Hugging Face's trainer, DeepSpeed and PEFT.

Not here: arguments of only one trainer (`pipeline.training.worker`).
"""

from __future__ import annotations

from typing import Any

from pipeline.recipe.training import Train

# "constant" of Hugging Face has no warm-up
SCHEDULERS = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


def shared_arguments(
    settings: Train, seed: int, gpu: bool, scratch: str, workers: int
) -> dict[str, Any]:
    """Arguments that both trainers share; checkpoints are first written to folder `scratch`.

    `batch_size` does not depend on `workers`: fewer workers accumulate more gradients per step.
    """
    micro = settings.micro_batch_size
    accumulate = settings.batch_size // (micro * workers)
    bf16 = settings.precision == "bf16" or (settings.precision == "auto" and gpu)
    checkpointing = settings.gradient_checkpointing
    return {
        "output_dir": scratch,
        "per_device_train_batch_size": micro,
        "per_device_eval_batch_size": micro,
        "gradient_accumulation_steps": accumulate,
        "lr_scheduler_type": SCHEDULERS[settings.scheduler],
        "warmup_steps": settings.warmup,  # below 1 it is a share of all steps
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm or 0.0,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else NaN and infinite losses are logged as finite
        "save_strategy": "steps",
        "save_steps": settings.checkpoint_steps,
        "save_total_limit": 1,
        "report_to": [],
        "disable_tqdm": True,
        "seed": seed % 2**31,
        "data_seed": seed % 2**31,
        "bf16": bf16,
        "use_cpu": not gpu,
        "gradient_checkpointing": gpu if checkpointing is None else checkpointing,
        "deepspeed": deepspeed(settings, micro, accumulate, bf16),
    }


def evaluation_batch_size(rows: int, micro: int, workers: int) -> int:
    """Held-out pairs per worker and forward pass. With several workers it divides `rows`, as
    accelerate fills an incomplete batch with repeated rows, whose loss would count again."""
    if workers == 1:
        return micro
    return next(size for size in range(micro, 0, -1) if rows % size == 0)


def deepspeed(settings: Train, micro: int, accumulate: int, bf16: bool) -> dict[str, Any]:
    """DeepSpeed's configuration, with explicit sizes."""
    return {
        "zero_optimization": {
            "stage": settings.zero_stage,
            "stage3_gather_16bit_weights_on_model_save": True,
            **_offload(settings),
        },
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,  # torch's AdamW runs on CPUs without a build
        "train_micro_batch_size_per_gpu": micro,
        "gradient_accumulation_steps": accumulate,
        "train_batch_size": settings.batch_size,
        "gradient_clipping": settings.max_grad_norm or 0.0,
        "bf16": {"enabled": bf16},
        "steps_per_print": 10**9,
    }


def lora(settings: Train) -> Any:
    """PEFT's configuration, or None if all weights are trained."""
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


def _offload(settings: Train) -> dict[str, Any]:
    parts = {"none": (), "optimizer": ("optimizer",), "all": ("optimizer", "param")}
    return {f"offload_{part}": {"device": "cpu"} for part in parts[settings.offload]}

"""The section `train`: how the student is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.recipe.section import Section


class Lora(Section):
    """Low-rank adapters (arXiv 2106.09685) instead of full weights."""

    r: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: list[str] | Literal["all-linear"] = "all-linear"
    keep_adapter: bool = Field(
        default=False,
        description="also write the adapter to student/adapter; the student itself is merged",
    )


class Supervised(Section):
    """The SFT stage: supervised training on correct chains, before the preference stage."""

    learning_rate: float = Field(default=1e-4, gt=0, description="peak learning rate")
    epochs: float = Field(default=1.0, gt=0)
    per_problem: int = Field(default=2, ge=1, description="correct chains per problem at most")
    failed_steps: Literal["mask", "train"] = Field(
        default="mask", description="replies of correct chains whose call failed; mask: no loss"
    )
    earlier_rounds: bool = Field(
        default=True, description="also train on the correct chains of earlier rounds"
    )


class Train(Section):
    """How the student is trained (DPO, arXiv 2305.18290)."""

    stages: list[Literal["sft", "dpo"]] = Field(
        default_factory=lambda: ["sft", "dpo"], min_length=1
    )
    sft: Supervised = Supervised()
    loss: Literal["sigmoid", "ipo", "dpop"] = Field(
        default="dpop", description="sigmoid: 2305.18290; ipo: 2310.12036; dpop: 2402.13228"
    )
    beta: float = Field(
        default=0.3, gt=0, description="strength of the regularization to the reference model"
    )
    dpop_lambda: float = Field(
        default=5.0, ge=0, description="weight of DPO-positive's penalty, 2402.13228 Eq. 3"
    )
    nll_weight: float = Field(
        default=0.3, ge=0, description="weight of the NLL loss of the chosen chain, 2404.19733"
    )
    prefix_sharing: bool = Field(
        default=True,
        description="compute once the prefix that all chains of a micro batch share and the prefix "
        "that both sides of a pair share; same losses, arXiv 2410.20305",
    )
    learning_rate: float = Field(
        default=5e-7, gt=0, description="peak learning rate of the preference stage"
    )
    epochs: float = Field(default=1.0, gt=0)
    scheduler: Literal["cosine", "linear", "constant"] = Field(
        default="cosine", description="the learning rate after warm-up: falls to 0, or stays"
    )
    warmup: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="share of a stage's steps in which the learning rate rises to its peak",
    )
    weight_decay: float = Field(
        default=0.0, ge=0, description="weight decay of AdamW, arXiv 1711.05101"
    )
    max_grad_norm: float | None = Field(
        default=1.0, gt=0, description="clip the norm of a step's gradient to this; null: never"
    )
    batch_size: int = Field(default=16, ge=1, description="pairs (or chains) per optimizer step")
    micro_batch_size: int = Field(
        default=4, ge=1, description="pairs (or chains) per worker and forward pass"
    )
    max_tokens: int = Field(
        default=2048, ge=16, description="longest side of a pair, prompt included, tokens"
    )
    too_long: Literal["drop", "cut_prompt"] = Field(
        default="drop",
        description="pairs over max_tokens; cut_prompt: cut the start, never past the first call",
    )
    lora: Lora | None = None
    zero_stage: Literal[0, 1, 2, 3] = Field(
        default=2, description="DeepSpeed ZeRO, arXiv 1910.02054"
    )
    offload: Literal["none", "optimizer", "all"] = Field(
        default="none",
        description="to CPU memory, arXiv 2101.06840; optimizer: ZeRO 1-3; all: ZeRO 3",
    )
    gradient_checkpointing: bool | None = Field(
        default=None,
        description="recompute activations to save memory, arXiv 1604.06174; null: on GPUs",
    )
    rounds: int = Field(
        default=1,
        ge=1,
        description="rounds of generate, pairs, train at most, each with the student of the "
        "previous round, arXiv 2409.02392; a gain within noise ends them early",
    )
    round_models: list[Literal["teacher", "student"]] | None = Field(
        default=None,
        min_length=1,
        description="models that make chains after round 1; null: the same as in round 1",
    )
    heldout_problems: int = Field(
        default=500,
        ge=1,
        description="training problems reserved for choosing the best round, at most a fifth of a "
        "file",
    )
    workers: int = Field(default=1, ge=1, description="Ray Train workers")
    workers_min: int | None = Field(
        default=None,
        ge=1,
        description="fewest workers to continue with while nodes are lost; needs ZeRO 0",
    )
    checkpoint_steps: int = Field(
        default=50, ge=1, description="optimizer steps between checkpoints"
    )
    max_failures: int = Field(default=3, ge=0, description="worker failures that training survives")
    heldout_pairs: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of problems whose pairs are used only for validation",
    )
    keep_best: bool = Field(
        default=False,
        description="keep the checkpoint with the best reward accuracy on held-out pairs, not the "
        "last one",
    )
    report_to: list[Literal["tensorboard", "mlflow", "wandb"]] = Field(
        default_factory=lambda: ["tensorboard"], description="loggers, besides metrics.jsonl"
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="auto: bf16 on GPUs"
    )

    @model_validator(mode="after")
    def _check_batch_size(self) -> Train:
        for workers in range(self.workers_min or self.workers, self.workers + 1):
            if self.batch_size % (self.micro_batch_size * workers):
                raise ValueError(
                    f"batch_size ({self.batch_size}) must be a multiple of micro_batch_size x "
                    f"workers ({self.micro_batch_size} x {workers})"
                )
        return self

    @model_validator(mode="after")
    def _check_combinations(self) -> Train:
        min_stage = {"none": 0, "optimizer": 1, "all": 3}[self.offload]
        if self.zero_stage < min_stage:
            raise ValueError(
                f"offload {self.offload} needs zero_stage {min_stage} or more, "
                f"got {self.zero_stage}"
            )
        if self.workers_min is not None and self.workers_min > self.workers:
            raise ValueError(f"workers ({self.workers}) must be at least workers_min")
        if self.workers_min is not None and self.zero_stage:
            raise ValueError(
                "workers_min needs zero_stage 0: DeepSpeed loads the optimizer of ZeRO 1-3 only on "
                "as many workers as wrote it"
            )
        if self.keep_best and not self.heldout_pairs:
            raise ValueError("keep_best needs heldout_pairs above 0 to measure checkpoints on")
        return self

"""The sections of a recipe: every key, its type, default, bounds, unit and source.

Not here: reading a recipe, and what is said of a wrong one (`pipeline.recipe`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A part of a recipe: immutable, and nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PocketCounts(Section):
    """How many problems the pocket world makes for each split."""

    train: int = Field(default=2000, ge=1, description="problems to learn from")
    test: int = Field(default=500, ge=1, description="unseen problems of the same kind")
    ood: int = Field(default=200, ge=0, description="problems with more steps and other wordings")


class Problems(Section):
    """Where problems come from."""

    path: str = Field(default="pocket", description="a file or folder, hf:NAME[:SPLIT], or pocket")
    format: Literal["gsm8k", "folio", "generic"] | None = Field(
        default=None, description="null: told by content"
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="our field -> their column, such as question: prompt"
    )
    limit: int | None = Field(default=None, ge=1, description="use only the first so many problems")
    test_fraction: float = Field(
        default=0.1, ge=0, lt=1, description="share held out where the data has no splits"
    )
    tolerance: float = Field(
        default=0.0, ge=0, description="largest |got - expected| / max(1, |expected|) that is right"
    )
    counts: PocketCounts = Field(default=PocketCounts(), description="for path pocket")
    decontaminate_ngram: int | None = Field(
        default=13,
        ge=1,
        description="training problems that share so many words in a row with an evaluation "
        "problem, or all its words, are dropped, arXiv 2005.14165 appendix C; null: none are",
    )


DialectName = Literal["inject", "native"]


class Agent(Section):
    """How chains are made."""

    dialect: DialectName = Field(
        default="inject", description="arXiv 2410.18890's prompt, or the model's own template"
    )
    tool_parser: str | None = Field(
        default=None, description="vLLM's parser of native calls, such as hermes or llama3_json"
    )
    max_steps: int = Field(default=12, ge=1, description="replies per chain")
    tool_role: Literal["user", "tool", "ipython"] = Field(
        default="user", description="role of the message that brings a result"
    )
    think: bool = Field(default=True, description="offer the function think(thought)")
    reply_tokens: int = Field(default=256, ge=8, description="longest reply, tokens")


class Until(Section):
    """Stop sampling a problem once it has so many chains of each kind."""

    correct: int = Field(default=1, ge=0)
    incorrect: int = Field(default=1, ge=0)


class Samples(Section):
    """Chains per problem: `min` always, then one more each wave until `until` or `max`."""

    min: int = Field(default=4, ge=0)
    max: int = Field(default=4, ge=0)
    until: Until | None = Field(default=None, description="null: every problem gets max chains")

    @model_validator(mode="after")
    def _ordered(self) -> Samples:
        if self.max < self.min:
            raise ValueError(f"max ({self.max}) must be at least min ({self.min})")
        return self


class Model(Section):
    """A language model and how it is run."""

    model: str = Field(default="pocket", description="a folder, a hub name, or pocket")
    temperature: float = Field(
        default=1.0, ge=0, description="for training chains; evaluation has its own"
    )
    samples: Samples = Field(default=Samples(), description="training chains per problem")
    retries: int = Field(
        default=2, ge=0, description="after an engine error, before it becomes a row"
    )
    dialect: DialectName | None = Field(default=None, description="null: agent.dialect")
    tool_parser: str | None = Field(default=None, description="null: agent.tool_parser")
    engine: dict[str, Any] = Field(
        default_factory=dict, description="passed to vLLM's engine arguments, validated by them"
    )


class Student(Model):
    """The small model that learns. Its own wrong chains are what preferences correct best."""

    samples: Samples = Samples(min=2, max=2)


Strategy = Literal["outcome", "first_divergence", "reference", "recovered", "concise", "corrected"]


class Pairs(Section):
    """Which chains are preferred to which."""

    strategies: dict[Strategy, Annotated[float, Field(ge=0)]] = Field(
        default_factory=lambda: {"outcome": 1.0},
        description="weights by which a problem's pairs are shared out",
    )
    per_problem: int = Field(default=2, ge=1, description="pairs per problem at most")
    rejected_from: list[Literal["teacher", "student"]] = Field(
        default_factory=lambda: ["teacher", "student"], min_length=1
    )
    most: int | None = Field(
        default=None,
        ge=1,
        description="pairs of a run at most, tasks, difficulties and failures as even as can be; "
        "null: all",
    )
    max_length_ratio: float | None = Field(
        default=10.0,
        ge=1,
        description="longer side's model-written characters over the shorter side's; null: any",
    )
    near_duplicate: float | None = Field(
        default=0.95,
        gt=0,
        le=1,
        description="drop a pair that shares this part of its words, on both sides, with another "
        "pair of the question; null: none",
    )
    wrong_by_limit: Literal["keep", "drop"] = Field(
        default="keep",
        description="chains that were wrong only in that steps, context or a call's limits ended",
    )

    @property
    def corrects(self) -> bool:
        """Whether the teacher goes on from the steps of the student's wrong chains."""
        return self.strategies.get("corrected", 0) > 0

    @model_validator(mode="after")
    def _weighs(self) -> Pairs:
        if not any(self.strategies.values()):
            raise ValueError("strategies needs at least one weight above 0")
        if self.corrects and "student" not in self.rejected_from:
            raise ValueError(
                "strategy corrected corrects the student's own chains; add student to rejected_from"
            )
        return self


class Lora(Section):
    """Low-rank adapters (arXiv 2106.09685) instead of full weights."""

    r: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: list[str] | Literal["all-linear"] = "all-linear"
    keep_adapter: bool = Field(
        default=False,
        description="write the adapter too, to student/adapter; the student itself is merged",
    )


class Supervised(Section):
    """The warm-up on right chains, before preferences."""

    learning_rate: float = Field(default=1e-4, gt=0, description="peak")
    epochs: float = Field(default=1.0, gt=0)
    per_problem: int = Field(default=2, ge=1, description="right chains per problem at most")


class Train(Section):
    """How the student learns (DPO, arXiv 2305.18290)."""

    stages: list[Literal["sft", "dpo"]] = Field(
        default_factory=lambda: ["sft", "dpo"], min_length=1
    )
    sft: Supervised = Supervised()
    loss: Literal["sigmoid", "ipo", "dpop"] = Field(
        default="dpop", description="sigmoid: 2305.18290; ipo: 2310.12036; dpop: 2402.13228"
    )
    beta: float = Field(default=0.3, gt=0, description="strength of the pull towards the reference")
    dpop_lambda: float = Field(
        default=5.0, ge=0, description="DPO-positive's penalty, 2402.13228 Eq. 3"
    )
    nll_weight: float = Field(
        default=0.3, ge=0, description="NLL term on the chosen chain, 2404.19733"
    )
    prefix_sharing: bool = Field(
        default=True,
        description="compute what both sides of a pair share once: same losses, arXiv 2410.20305",
    )
    learning_rate: float = Field(default=5e-7, gt=0, description="peak of the preference stage")
    epochs: float = Field(default=1.0, gt=0)
    batch_size: int = Field(default=16, ge=1, description="pairs (or chains) per optimizer step")
    micro_batch_size: int = Field(
        default=4, ge=1, description="pairs (or chains) per worker at a time"
    )
    max_tokens: int = Field(default=2048, ge=16, description="longest side of a pair, tokens")
    too_long: Literal["drop", "cut_prompt"] = Field(
        default="drop",
        description="pairs over max_tokens; cut_prompt: the start, never beyond the first call",
    )
    lora: Lora | None = None
    zero_stage: Literal[0, 1, 2, 3] = Field(
        default=2, description="DeepSpeed ZeRO, arXiv 1910.02054"
    )
    offload: Literal["none", "optimizer", "all"] = Field(
        default="none",
        description="to the CPU's memory, arXiv 2101.06840; optimizer: ZeRO 1-3; all: ZeRO 3",
    )
    gradient_checkpointing: bool | None = Field(
        default=None, description="forward twice for less memory, arXiv 1604.06174; null: on GPUs"
    )
    rounds: int = Field(
        default=1,
        ge=1,
        description="generate, pairs, train at most so often, each with the student of the round "
        "before, arXiv 2409.02392; ended by a gain within noise",
    )
    round_models: list[Literal["teacher", "student"]] | None = Field(
        default=None,
        min_length=1,
        description="who makes chains in rounds after the first; null: who does in the first",
    )
    heldout_problems: int = Field(
        default=500,
        ge=1,
        description="training problems that only choose between rounds, of a file a fifth at most",
    )
    workers: int = Field(default=1, ge=1, description="Ray Train workers")
    workers_min: int | None = Field(
        default=None, ge=1, description="go on with so few while machines are away; needs ZeRO 0"
    )
    checkpoint_steps: int = Field(
        default=50, ge=1, description="optimizer steps between checkpoints"
    )
    max_failures: int = Field(default=3, ge=0, description="worker losses that training survives")
    heldout_pairs: float = Field(
        default=0.0, ge=0, lt=1, description="share of problems whose pairs are only measured on"
    )
    keep_best: bool = Field(
        default=False,
        description="the checkpoint that orders most held-out pairs right is the student, not the "
        "last",
    )
    report_to: list[Literal["tensorboard", "mlflow", "wandb"]] = Field(
        default_factory=lambda: ["tensorboard"], description="curves, beside metrics.jsonl"
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="auto: bf16 on GPUs"
    )

    @model_validator(mode="after")
    def _divides(self) -> Train:
        for workers in range(self.workers_min or self.workers, self.workers + 1):
            if self.batch_size % (self.micro_batch_size * workers):
                raise ValueError(
                    f"batch_size ({self.batch_size}) must be a multiple of micro_batch_size x "
                    f"workers ({self.micro_batch_size} x {workers})"
                )
        return self

    @model_validator(mode="after")
    def _fits(self) -> Train:
        least = {"none": 0, "optimizer": 1, "all": 3}[self.offload]
        if self.zero_stage < least:
            raise ValueError(
                f"offload {self.offload} needs zero_stage {least} or more, got {self.zero_stage}"
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


EvaluatedModel = Literal[
    "student_before", "student_sft", "student_rounds", "student_after", "teacher"
]


class Evaluate(Section):
    """What is measured."""

    models: list[EvaluatedModel] = Field(
        default_factory=lambda: [
            "student_before",
            "student_sft",
            "student_rounds",
            "student_after",
            "teacher",
        ],
        min_length=1,
        description="student_rounds: the student of each round, where there are several",
    )
    splits: list[Literal["test", "ood"]] = Field(
        default_factory=lambda: ["test", "ood"], min_length=1
    )
    samples: int = Field(default=1, ge=1, description="chains per problem")
    temperature: float = Field(default=0.0, ge=0, description="0: greedy")
    limit: int | None = Field(default=None, ge=1, description="problems per split at most")


class Cluster(Section):
    """What a run takes of the machines."""

    actors_min: int = Field(default=1, ge=1, description="engine actors at least")
    actors_max: int = Field(default=1, ge=1, description="engine actors at most")
    engine_cpus: float = Field(default=1, gt=0, description="CPUs an engine actor reserves")
    engine_gpus: float | None = Field(
        default=None, ge=0, description="GPUs per rank of an engine; null: 1 where there are any"
    )
    train_cpus: float = Field(default=1, gt=0, description="CPUs a training worker reserves")
    train_gpus: Literal[0, 1] | None = Field(
        default=None, description="GPUs of a training worker; null: 1 where there are enough"
    )
    function_workers: int = Field(
        default=1, ge=1, description="function processes per engine actor"
    )
    kv_cache_gib: float = Field(
        default=1.0, gt=0, description="GiB of KV cache per engine, on CPU only"
    )
    batch_tasks: int = Field(default=64, ge=1, description="tasks per file of chains")
    chains_in_flight: int = Field(default=256, ge=1, description="chains at once per engine actor")

    def engine_bundle(self, arguments: Mapping[str, Any], gpus: bool) -> dict[str, float]:
        """What one engine reserves on one node, for vLLM's `arguments`.

        Where `engine_gpus` is null: a GPU per rank, if the cluster has or may get any (`gpus`).
        """
        each = float(gpus) if self.engine_gpus is None else self.engine_gpus
        ranks = arguments.get("tensor_parallel_size", 1) * arguments.get(
            "pipeline_parallel_size", 1
        )
        return {"CPU": self.engine_cpus, "GPU": ranks * each}

    def trains_on_gpus(self, enough: bool) -> bool:
        """Whether training workers have GPUs; `enough` says if all could, where the recipe does
        not."""
        return enough if self.train_gpus is None else bool(self.train_gpus)

    @model_validator(mode="after")
    def _ordered(self) -> Cluster:
        if self.actors_max < self.actors_min:
            raise ValueError(
                f"actors_max ({self.actors_max}) must be at least actors_min ({self.actors_min})"
            )
        return self


class Replicas(Section):
    """How many copies of a deployment: `min` always, up to `max` under load."""

    min: int = Field(default=1, ge=1, description="replicas at least")
    max: int = Field(default=1, ge=1, description="replicas at most")

    @model_validator(mode="after")
    def _ordered(self) -> Replicas:
        if self.max < self.min:
            raise ValueError(f"max ({self.max}) must be at least min ({self.min})")
        return self


class Serving(Section):
    """How the student is served, next to its functions."""

    host: str = Field(default="127.0.0.1", description="elsewhere than loopback a key is required")
    port: int = Field(default=8000, ge=1, le=65535, description="TCP port of HTTP")
    key_file: str | None = Field(
        default=None, description="file of bearer keys, one a line; or APPRENTICE_API_KEY holds one"
    )
    model_name: str | None = Field(
        default=None, description="what clients call the model; null: the folder's name"
    )
    tool_parser: str | None = Field(
        default=None,
        description="vLLM's parser of tool calls in chat completions, such as hermes; null: the "
        "client's tools reach the prompt, the reply stays text",
    )
    ingress: Replicas = Field(default=Replicas(), description="each drives many chains")
    student: Replicas = Field(default=Replicas(), description="each is an engine")
    functions: Replicas = Field(
        default=Replicas(), description="each has cluster.function_workers processes"
    )
    max_ongoing: int = Field(default=128, ge=1, description="requests at once, per ingress replica")
    max_queued: int = Field(
        default=256, ge=0, description="requests that wait, per proxy; more get 429"
    )
    max_body_bytes: int = Field(default=2**20, ge=1024, description="of a request, else 413")
    max_tokens: int = Field(default=1024, ge=1, description="of one chat completion")
    request_seconds: float = Field(default=300, gt=0, description="longest request, then 408")

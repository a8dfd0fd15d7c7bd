"""The sections `agent`, `teacher` and `student`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.recipe.section import Section

DialectName = Literal["inject", "native"]
CallsPerReply = Literal["one", "several"]
RANKS = ("tensor_parallel_size", "pipeline_parallel_size")  # engine options that are counted here
BASE_URL = re.compile(r"https?://([\w.-]+|\[[\da-fA-F:]+\])(:\d+)?(/[^\s?#]*)?")


class Example(Section):
    """A solved problem."""

    question: str = Field(min_length=1)
    calls: tuple[str, ...] = Field(min_length=1, description="calls as the model writes them")
    answer: str = Field(min_length=1)


class AgentSettings(Section):
    """How the agent makes chains."""

    dialect: DialectName = Field(
        default="inject",
        description="inject: the prompt of arXiv 2410.18890; native: the model's template",
    )
    tool_parser: str | None = Field(
        default=None, description="vLLM's tool parser for native, such as hermes or llama3_json"
    )
    calls_per_reply: CallsPerReply = Field(
        default="one",
        description="several: a reply may hold calls that do not need each other's results; they "
        "run side by side",
    )
    max_steps: int = Field(default=12, ge=1, description="replies per chain")
    max_failures: int | None = Field(
        default=4,
        ge=1,
        description="end a chain after so many failures of one kind in a row; null: never",
    )
    tool_role: Literal["user", "tool", "ipython"] = Field(
        default="user", description="role of the messages that carry results"
    )
    think: bool = Field(default=True, description="offer the function think(thought)")
    reply_tokens: int = Field(default=256, ge=8, description="longest reply, tokens")
    examples: tuple[Example, ...] = Field(
        default=(), description="few-shot examples; their calls are executed for the results"
    )


class Until(Section):
    """Stop sampling a problem once it has at least this many chains of each kind."""

    correct: int = Field(default=1, ge=0)
    incorrect: int = Field(default=1, ge=0)


class Samples(Section):
    """Chains per problem: at least `min`, then one more per wave until `until` or `max`."""

    min: int = Field(default=4, ge=0, description="needs until; without it, max")
    max: int = Field(default=4, ge=0)
    until: Until | None = Field(default=None, description="null: every problem gets max chains")

    @model_validator(mode="before")
    @classmethod
    def _min_is_max_without_until(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("until") is None and "max" in data:
            return {"min": data["max"]} | data
        return data

    @model_validator(mode="after")
    def _ordered(self) -> Samples:
        if self.max < self.min:
            raise ValueError(f"max ({self.max}) must be at least min ({self.min})")
        return self


class Model(Section):
    """A language model and how it is run."""

    model: str = Field(default="pocket", description="folder, hub name, or pocket")
    temperature: float = Field(
        default=1.0, ge=0, description="for training chains; see evaluate.temperature"
    )
    top_p: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="sample the likeliest tokens of this total probability, arXiv 1904.09751; 1: "
        "all; this, top_k and min_p are for training chains and, above temperature 0, evaluation",
    )
    top_k: int = Field(default=0, ge=0, description="sample the likeliest k tokens; 0: all")
    min_p: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="sample tokens of at least this share of the likeliest one's probability, "
        "arXiv 2407.01082; 0: all",
    )
    samples: Samples = Field(default=Samples(), description="training chains per problem")
    retries: int = Field(
        default=2,
        ge=0,
        description="retries after an engine error, before the chain is recorded as failed",
    )
    dialect: DialectName | None = Field(default=None, description="null: agent.dialect")
    tool_parser: str | None = Field(default=None, description="null: agent.tool_parser")
    structured: bool = Field(
        default=False,
        description="constrained decoding: only calls that parse, in training chains, evaluation "
        "and serving; dialect inject only",
    )
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="stop strings or tokens, which stay part of the reply, such as </tool_call>: "
        "generation ends after a call",
    )
    engine: dict[str, Any] = Field(
        default_factory=dict, description="vLLM engine arguments, validated by vLLM"
    )

    @property
    def is_remote(self) -> bool:
        """Whether the model is served by a remote endpoint, so that no engine is started here."""
        return False

    @field_validator("engine")
    @classmethod
    def _has_countable_ranks(cls, engine: dict[str, Any]) -> dict[str, Any]:
        for name in RANKS:
            value = engine.get(name, 1)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be a whole number from 1, got {value!r}")
        return engine


class Teacher(Model):
    """The large model to learn from: run here, or served by an OpenAI-compatible endpoint."""

    endpoint: str | None = Field(
        default=None,
        description="base URL of an OpenAI-compatible server, such as http://host:8000/v1; `model` "
        "is its name there, `engine` is ignored, and APPRENTICE_TEACHER_KEY is its API key, if "
        "required; null: run the model here",
    )
    requests_per_minute: float | None = Field(
        default=None,
        gt=0,
        description="rate limit of a run at the endpoint, shared equally among cluster.actors_max "
        "actors; null: as many as the server allows",
    )
    request_seconds: float = Field(
        default=600,
        gt=0,
        description="timeout of a request to the endpoint, seconds; then it is retried",
    )

    @field_validator("endpoint")
    @classmethod
    def _is_base_url(cls, endpoint: str | None) -> str | None:
        if endpoint is None or BASE_URL.fullmatch(endpoint):
            return endpoint
        raise ValueError(
            "expected a base URL such as http://host:8000/v1, without password or query, "
            f"got {endpoint!r}"
        )

    @property
    def is_remote(self) -> bool:
        return self.endpoint is not None


class Student(Model):
    """The small model to train. Its own incorrect chains are the most useful rejected ones."""

    samples: Samples = Samples(min=2, max=2)

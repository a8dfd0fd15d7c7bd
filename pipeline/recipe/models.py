"""The agent, and the two language models that it drives."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.recipe.section import Section

DialectName = Literal["inject", "native"]
BASE_URL = re.compile(r"https?://([\w.-]+|\[[\da-fA-F:]+\])(:\d+)?(/[^\s?#]*)?")


class Example(Section):
    """A solved problem."""

    question: str = Field(min_length=1)
    calls: tuple[str, ...] = Field(min_length=1, description="as a model writes them")
    answer: str = Field(min_length=1)


class AgentSettings(Section):
    """How chains are made."""

    dialect: DialectName = Field(
        default="inject", description="arXiv 2410.18890's prompt, or the model's own template"
    )
    tool_parser: str | None = Field(
        default=None, description="vLLM's parser of native calls, such as hermes or llama3_json"
    )
    max_steps: int = Field(default=12, ge=1, description="replies per chain")
    max_failures: int | None = Field(
        default=4,
        ge=1,
        description="failures in a row of one kind that end a chain; null: any number",
    )
    tool_role: Literal["user", "tool", "ipython"] = Field(
        default="user", description="role of the message that brings a result"
    )
    think: bool = Field(default=True, description="offer the function think(thought)")
    reply_tokens: int = Field(default=256, ge=8, description="longest reply, tokens")
    examples: tuple[Example, ...] = Field(
        default=(), description="solved problems in the prompt; their calls are run for the results"
    )


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
    structured: bool = Field(
        default=False,
        description="decode nothing but calls that parse, in training chains, evaluation and "
        "serving; dialect inject only",
    )
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="texts or tokens that end a reply and belong to it, such as </tool_call>: "
        "nothing is written behind a call",
    )
    engine: dict[str, Any] = Field(
        default_factory=dict, description="passed to vLLM's engine arguments, validated by them"
    )

    @property
    def is_remote(self) -> bool:
        """Whether it stands behind an endpoint, and no engine of ours is started for it."""
        return False


class Teacher(Model):
    """The large model that is learned from: run here, or behind an OpenAI-compatible endpoint."""

    endpoint: str | None = Field(
        default=None,
        description="base URL of an OpenAI-compatible server, such as http://host:8000/v1, which "
        "calls the model `model`, `engine` being of no use; APPRENTICE_TEACHER_KEY holds its key "
        "where it asks for one; null: an engine of our own",
    )
    requests_per_minute: float | None = Field(
        default=None,
        gt=0,
        description="to the endpoint, of a whole run: each of cluster.actors_max actors has an "
        "equal share; null: as many as the server allows",
    )
    request_seconds: float = Field(
        default=600, gt=0, description="longest wait for a reply of the endpoint, then a retry"
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
    """The small model that learns. Its own wrong chains are what preferences correct best."""

    samples: Samples = Samples(min=2, max=2)

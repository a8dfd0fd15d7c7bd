"""The section `evaluate`: which models are evaluated, on which problems."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.recipe.section import Section

EvaluatedModel = Literal[
    "student_before", "student_sft", "student_rounds", "student_after", "teacher"
]


class Evaluate(Section):
    """Which models are evaluated, on which problems."""

    models: list[EvaluatedModel] = Field(
        default_factory=lambda: [
            "student_before",
            "student_sft",
            "student_rounds",
            "student_after",
            "teacher",
        ],
        min_length=1,
        description="student_rounds: the student of each round, if there is more than one",
    )
    splits: list[Literal["test", "ood"]] = Field(
        default_factory=lambda: ["test", "ood"], min_length=1
    )
    samples: int = Field(default=1, ge=1, description="chains per problem")
    temperature: float = Field(default=0.0, ge=0, description="0: greedy")
    limit: int | None = Field(default=None, ge=1, description="problems per split at most")

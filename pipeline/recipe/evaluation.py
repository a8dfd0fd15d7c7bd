"""The section `evaluate`: which models are evaluated, on which problems."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

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
    samples: int = Field(
        default=1,
        ge=1,
        description="chains per problem, whose share is the problem's result; pass@k and "
        "majority@k if above 1",
    )
    temperature: float = Field(default=0.0, ge=0, description="0: greedy")
    limit: int | None = Field(default=None, ge=1, description="problems per split at most")

    @model_validator(mode="after")
    def _samples_differ(self) -> Self:
        if self.samples > 1 and not self.temperature:
            raise ValueError(
                f"samples ({self.samples}) above 1 needs temperature above 0, such as "
                "evaluate.temperature=0.7: at 0 the chains of a problem are copies"
            )
        return self

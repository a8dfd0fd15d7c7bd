"""Which chains are preferred to which."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.recipe.section import Section

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

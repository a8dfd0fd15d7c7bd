"""The section `pairs`: how preference pairs are built and filtered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.recipe.section import Section

Strategy = Literal["outcome", "first_divergence", "reference", "recovered", "concise", "corrected"]


class Pairs(Section):
    """How preference pairs are built and filtered."""

    strategies: dict[Strategy, Annotated[float, Field(ge=0)]] = Field(
        default_factory=lambda: {"outcome": 1.0},
        description="weight of each strategy in the pairs of a problem",
    )
    per_problem: int = Field(default=2, ge=1, description="pairs per problem at most")
    rejected_from: list[Literal["teacher", "student"]] = Field(
        default_factory=lambda: ["teacher", "student"], min_length=1
    )
    most: int | None = Field(
        default=None,
        ge=1,
        description="pairs per run at most, balanced over tasks, difficulties and failures; null: "
        "all",
    )
    max_length_ratio: float | None = Field(
        default=10.0,
        ge=1,
        description="largest ratio of model-written characters, longer side to shorter side; null: "
        "any",
    )
    near_duplicate: float | None = Field(
        default=0.95,
        gt=0,
        le=1,
        description="drop a pair that shares this fraction of its words, on both sides, with "
        "another pair of the same question; null: drop none",
    )
    wrong_by_limit: Literal["keep", "drop"] = Field(
        default="keep",
        description="chains that are incorrect only because they reached max_steps, the context "
        "length or a limit of a call",
    )

    needs_call: bool = Field(
        default=True,
        description="use a correct chain of teacher or student only if a successful call bears on "
        "its answer; others are neither chosen nor supervised",
    )

    @property
    def corrects(self) -> bool:
        """Whether the teacher continues from the first steps of the student's incorrect chains."""
        return self.strategies.get("corrected", 0) > 0

    @model_validator(mode="after")
    def _check_strategies(self) -> Pairs:
        if not any(self.strategies.values()):
            raise ValueError("strategies needs at least one weight above 0")
        if self.corrects and "student" not in self.rejected_from:
            raise ValueError(
                "strategy corrected corrects the student's own chains; add student to rejected_from"
            )
        return self

"""Where problems come from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.recipe.section import Section


class PocketCounts(Section):
    """How many problems the pocket world makes for each split."""

    train: int = Field(default=2000, ge=1, description="problems to learn from")
    test: int = Field(default=500, ge=1, description="unseen problems of the same kind")
    ood: int = Field(default=200, ge=0, description="problems with more steps and other wordings")


class SelfMade(Section):
    """Further training problems, made by the pocket world's generator or written by a model and
    verified by the functions (after SELF-GUIDE, arXiv 2407.12874); they join split train."""

    count: int = Field(
        default=0,
        ge=0,
        description="problems the generator makes, or a model is asked for, of which those that "
        "pass every check are kept; 0: none",
    )
    by: Literal["student", "teacher"] = Field(
        default="student", description="who writes them and solves them again"
    )
    temperature: float = Field(default=1.0, ge=0, description="for writing; solving has its own")
    examples: int = Field(
        default=3, ge=1, description="solved training problems that are shown in each request"
    )
    reply_tokens: int = Field(default=512, ge=8, description="longest problem written, tokens")
    votes: int = Field(
        default=3,
        ge=1,
        description="solutions, of which more than half must agree with the written one, "
        "arXiv 2203.11171",
    )


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
    self_made: SelfMade = SelfMade()
    decontaminate_ngram: int | None = Field(
        default=13,
        ge=1,
        description="training problems that share so many words in a row with an evaluation "
        "problem, or all its words, are dropped, arXiv 2005.14165 appendix C; null: none are",
    )
